"""The example shop: a demonstration on one machine, never something to put on the internet.

Four environment variables move it (the `demo` command sets them for the processes that it starts):
`SHOP_DATABASE` (the SQLite file), `SHOP_PORT` (where the shop listens), `SHOP_SANDBOX_URL` (where the sandbox does),
`SHOP_MODALITY` (how invoices are sent: lotes, lotes_encola or nuevo_encola).
"""

import os
from pathlib import Path

from django_tusfacturas_lotes import sandbox

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE = Path(os.environ.get("SHOP_DATABASE") or BASE_DIR / "data" / "shop.sqlite3").absolute()
DATA_DIR = DATABASE.parent
DATA_DIR.mkdir(parents=True, exist_ok=True)

SHOP_URL = f"http://127.0.0.1:{os.environ.get('SHOP_PORT') or 8000}"
SANDBOX_URL = os.environ.get("SHOP_SANDBOX_URL") or "http://127.0.0.1:8001"

# A demonstration: the key is public, the pages show the administrator's password.
DEBUG = True
SECRET_KEY = "the-example-shop-has-nothing-to-hide"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEMO_ADMIN = ("admin", "demo")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "django_tusfacturas_lotes",
    "shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shop.context_processors.demo",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
        # The web server, the cluster's processes and the commands write to this one file at the same time.
        "OPTIONS": {
            # A transaction takes the write lock when it begins. SQLite's default takes it at the first write, and one
            # that has read before gets "database is locked" at once, without waiting, if another wrote in between.
            "transaction_mode": "IMMEDIATE",
            # Who finds the lock taken waits this many seconds for it; SQLite's own answer is an error.
            "timeout": 30,
            "init_command": (
                # Readers don't wait for the writer nor the writer for them. The file remembers it.
                "PRAGMA journal_mode=WAL;"
                # With WAL this is safe against a killed process, and spares a disk sync for each commit: locks are
                # held shorter. A power cut may lose the last commits: where that matters, leave the default (FULL).
                "PRAGMA synchronous=NORMAL;"
            ),
        },
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "America/Argentina/Buenos_Aires"
USE_TZ = True
STATIC_URL = "static/"
MEDIA_URL = "media/"
# The PDFs of what is issued are kept here (KEEP_PDF), as TusFacturas' own address of one is good for a day.
MEDIA_ROOT = DATA_DIR / "media"

# A call to the provider may take CONNECT_TIMEOUT + READ_TIMEOUT = 65 s. A worker has longer than that (timeout), and
# a task comes back only when its worker can no longer be at it (retry): otherwise it would run twice, side by side.
Q_CLUSTER = {
    "name": "shop",
    "orm": "default",
    "workers": 2,
    "timeout": 90,
    "retry": 150,
    "max_attempts": 3,
    # A task that failed is done with: what is left to do stands in the database, and the next flush finds it there.
    "ack_failures": True,
    "catch_up": False,
}

TUSFACTURAS_LOTES = {
    "ACCOUNTS": {
        "default": {
            "APIKEY": sandbox.APIKEY,
            "APITOKEN": sandbox.APITOKEN,
            "USERTOKEN": sandbox.USERTOKEN,
            "PUNTO_VENTA": sandbox.PUNTO_VENTA,
            "MODALITY": os.environ.get("SHOP_MODALITY") or "lotes",
            # What the notices of the encola modalities bring to prove themselves. It may stay where it is not needed:
            # then their webhook answers before the account is switched to them, and after.
            "WEBHOOK_TOKEN": sandbox.WEBHOOK_TOKEN,
            "BASE_URL": SANDBOX_URL,
        }
    },
    "WEBHOOK_URL": f"{SHOP_URL}/tusfacturas/webhook/",
    "COMPROBANTE_BUILDER": "shop.invoicing.build_comprobante",
    "CONNECT_TIMEOUT": 5,
    "READ_TIMEOUT": 60,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("SHOP_LOG_LEVEL") or "INFO"},
}
