"""Is all well? `measurements` counts, `health` judges; `django_health_check` tells that library.

`django_tusfacturas_lotes.health.status` is what a host calls.
"""
