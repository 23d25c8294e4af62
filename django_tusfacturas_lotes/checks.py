"""System checks, each with a stable id: an Error where money is at stake, otherwise a Warning.

E001 to E011, W012, E018, W021 and E022 are `conf.problems`; W013 is the URL, E014 to W017 are django-q2's cluster,
W019 is the cache, W020 SQLite and E023 the time zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from .conf import conf
from .conf.problems import problems
from .conf.values import SETTING
from .transactions import database

_WARNINGS = {12, 21}


def check_settings(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """E001 to E011, W012, E018, W021, E022: what is wrong with `TUSFACTURAS_LOTES`."""
    return [_message(problem.number, problem.text, problem.hint) for problem in problems()]


def check_urls(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """W013: `WEBHOOK_URL` is not the address that the webhook answers at."""
    try:
        url = conf.webhook_url
    except ImproperlyConfigured:
        return []  # E006 says so
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    try:
        path = reverse("tusfacturas_lotes:webhook")
    except NoReverseMatch:
        text = "the webhook has no URL, so no result can come back"
        hint = 'Add path("tusfacturas/", include("django_tusfacturas_lotes.urls")) to your URLconf.'
        return [_message(13, text, hint, warning=True)]
    except Exception:  # noqa: BLE001 - a broken URLconf may raise anything; Django's own checks say what is wrong
        return []
    if not urlsplit(url).path.endswith(path):
        text = f"{SETTING}['WEBHOOK_URL'] is {url!r}, but the webhook answers at {path!r}"
        return [
            _message(
                13, text, "Make them the same, unless a proxy in front of Django maps one to the other.", warning=True
            )
        ]
    return []


def check_cache(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """W019: the cache is not shared, so an amount that the cluster asked for does not reach the web server."""
    backend = str(settings.CACHES.get("default", {}).get("BACKEND", ""))
    if not conf.asks_for_tope or not backend.endswith((".LocMemCache", ".DummyCache")):
        return []
    text = f"{SETTING}['TOPE_CONSUMIDOR_FINAL'] is kept in the cache, but {backend} is not shared between processes"
    return [_message(19, text, "Use a shared cache (Redis, the database), or set the amount.", warning=True)]


def check_database(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """W020: with SQLite's own transactions, a web server and a cluster on one file get "database is locked"."""
    configured: dict[str, Any] = dict(settings.DATABASES.get(database(), {}))
    if not str(configured.get("ENGINE", "")).endswith("sqlite3"):
        return []
    if str(configured.get("OPTIONS", {}).get("transaction_mode", "")).upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    text = f"the SQLite database {database()!r} has no OPTIONS['transaction_mode'], so it will say that it is locked"
    return [_message(20, text, 'Set it to "IMMEDIATE", as the README shows.', warning=True)]


def check_time_zone(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """E023: without time zones, an answer of the provider's could not be recorded."""
    if settings.USE_TZ:
        return []
    text = "USE_TZ is False, so times can't be compared, and what TusFacturas answers could not be recorded"
    return [_message(23, text, "Set USE_TZ = True; TIME_ZONE may stay as it is.")]


def check_cluster(app_configs: Sequence[Any] | None, **named: Any) -> list[CheckMessage]:
    """E014 to W017: django-q2 settings with which a call would be run again while it still runs."""
    if not apps.is_installed("django_q"):
        return [_message(14, "django_q is not in INSTALLED_APPS", "Add it: it runs the tasks that send lotes.")]
    cluster = getattr(settings, "Q_CLUSTER", {})
    if not isinstance(cluster, Mapping):
        return [_message(14, "Q_CLUSTER is not a dict", "See the README for one that fits.")]
    if cluster.get("sync"):
        return []
    try:
        call = conf.connect_timeout + conf.read_timeout
    except ImproperlyConfigured:
        return []  # E008 says so
    timeout, retry = cluster.get("timeout"), cluster.get("retry", 60)
    found = []
    if not isinstance(timeout, int | float) or timeout <= call:
        text = f"Q_CLUSTER['timeout'] is {timeout!r}, so a task can be stopped, or never is, in the middle of a call"
        hint = f"Set it above CONNECT_TIMEOUT + READ_TIMEOUT = {call:g} s, for instance {call + 55:g}."
        found.append(_message(15, text, hint))
    elif not isinstance(retry, int | float) or retry <= timeout:
        text = f"Q_CLUSTER['retry'] is {retry!r}, so django-q2 starts a task again while it still runs"
        found.append(
            _message(16, text, f"Set it above Q_CLUSTER['timeout'], {timeout:g} s, for instance {2 * timeout:g}.")
        )
    if not cluster.get("max_attempts"):
        text = "Q_CLUSTER['max_attempts'] is not set, so a task that is never acknowledged comes back without end"
        found.append(
            _message(17, text, "Set it, for instance to 3: the schedule starts anew every minute anyway.", warning=True)
        )
    return found


def _message(number: int, text: str, hint: str, *, warning: bool = False) -> CheckMessage:
    if warning or number in _WARNINGS:
        return CheckWarning(text, hint=hint, id=f"django_tusfacturas_lotes.W{number:03}")
    return Error(text, hint=hint, id=f"django_tusfacturas_lotes.E{number:03}")
