"""Health: `measurements` counts, `health` judges, and `django_health_check` is a check for that library.

`django_tusfacturas_lotes.health.status` is what a host calls.
"""
