"""The webhook's URL, for `path("tusfacturas/", include("django_tusfacturas_lotes.urls"))`."""

from __future__ import annotations

from django.urls import path

from .views import WebhookView

app_name = "tusfacturas_lotes"

urlpatterns = [path("webhook/", WebhookView.as_view(), name="webhook")]
