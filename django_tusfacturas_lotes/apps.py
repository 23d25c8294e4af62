"""The app's configuration: its checks, its receiver and its schedule."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks as django_checks
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class TusFacturasLotesConfig(AppConfig):
    """TusFacturas in lotes."""

    name = "django_tusfacturas_lotes"
    verbose_name = _("TusFacturas invoices")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, queueing, schedules, signals
        from .queueing import crediting

        django_checks.register(checks.check_settings)
        django_checks.register(checks.check_urls)
        django_checks.register(checks.check_cluster)
        django_checks.register(checks.check_cache)
        django_checks.register(checks.check_database)
        django_checks.register(checks.check_time_zone)
        signals.order_paid.connect(queueing.on_order_paid, dispatch_uid="django_tusfacturas_lotes.order_paid")
        signals.order_refunded.connect(
            crediting.on_order_refunded, dispatch_uid="django_tusfacturas_lotes.order_refunded"
        )
        post_migrate.connect(schedules.install, sender=self, dispatch_uid="django_tusfacturas_lotes.schedules")
