"""The app's webhook, and the bare view that it is compared with."""

from __future__ import annotations

from django.urls import include, path

from .bare.views import BareView

urlpatterns = [
    path("tusfacturas/", include("django_tusfacturas_lotes.urls")),
    path("bare/", BareView.as_view()),
]
