"""What every page of the demonstration shows."""

from django.conf import settings
from django.http import HttpRequest


def demo(request: HttpRequest) -> dict[str, object]:
    """The administrator's login, only while this is a demonstration (settings that name it, and DEBUG)."""
    login = getattr(settings, "DEMO_ADMIN", None) if settings.DEBUG else None
    return {"demo_admin": login}
