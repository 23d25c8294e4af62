"""Settings of the benchmarks: a project with nothing in it but the app and the bare view that it is compared with.

`DATABASE_URL` picks the server (`postgresql://user:password@host:port/name`, or `mysql://` or `mariadb://`); without
it, a SQLite file in the system's temporary folder. Whatever it names, only test databases with a name of this run's
own are made, used and dropped there.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_RUN = f"tusfacturas_benchmarks_{secrets.token_hex(4)}"
_ENGINES = {
    "postgresql": "django.db.backends.postgresql",
    "postgres": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "mariadb": "django.db.backends.mysql",
}


def _database(url: str, name: str) -> dict[str, Any]:
    if not url:
        file = str(Path(tempfile.gettempdir()) / f"{name}.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            "TEST": {"NAME": file},
            "CONN_MAX_AGE": None,
            # What the README asks of a project on SQLite.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in _ENGINES:
        raise ValueError(f"DATABASE_URL is a {parts.scheme!r} address; known are {', '.join(_ENGINES)}")
    return {
        "ENGINE": _ENGINES[parts.scheme],
        "NAME": unquote(parts.path.lstrip("/")) or "tusfacturas",
        "TEST": {"NAME": name},
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        # Connecting anew for each request would cost both sides the same, and hide the difference between them.
        "CONN_MAX_AGE": None,
        "OPTIONS": {"charset": "utf8mb4"} if _ENGINES[parts.scheme].endswith("mysql") else {},
    }


_URL = os.environ.get("DATABASE_URL", "")
# The same tables twice, empty and full, so that the two are measured side by side.
DATABASES = {"default": _database(_URL, f"{_RUN}_empty"), "full": _database(_URL, f"{_RUN}_full")}
DATABASE_ROUTERS = ["benchmarks.tables.Router"]

SECRET_KEY = "only for the benchmarks"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_q",
    "rest_framework",
    "django_tusfacturas_lotes",
    "benchmarks.bare",
]
# None: what every request of a project pays would bring the two sides of a ratio nearer to each other.
MIDDLEWARE: list[str] = []
Q_CLUSTER = {"name": "tusfacturas-benchmarks", "orm": "default", "timeout": 120, "retry": 180}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django_tusfacturas_lotes": {"level": "WARNING"}},
}

TUSFACTURAS_LOTES = {
    "ACCOUNTS": {
        "default": {
            "APIKEY": "90817264",
            "APITOKEN": "apitoken-of-the-benchmarks",
            "USERTOKEN": "usertoken-of-the-benchmarks",
            "PUNTO_VENTA": 3,
            "BASE_URL": "https://provider.invalid/api",
        },
    },
    "WEBHOOK_URL": "https://shop.invalid/tusfacturas/webhook/",
    "COMPROBANTE_BUILDER": "benchmarks.documents.documento",
    "SCHEDULES": False,
}
