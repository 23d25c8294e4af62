"""What every page of the demonstration shows."""

from django.conf import settings
from django.http import HttpRequest

from django_tusfacturas_lotes.conf import conf


def demo(request: HttpRequest) -> dict[str, object]:
    """How invoices are sent; and the administrator's login, only while this is a demonstration (settings that name it,
    and DEBUG)."""
    login = getattr(settings, "DEMO_ADMIN", None) if settings.DEBUG else None
    modalities = {account.modality.name: account.modality for account in conf.accounts()}
    return {"demo_admin": login, "modalities": list(modalities.values())}
