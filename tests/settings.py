"""Settings of the tests. `TEST_DATABASE` picks the database: sqlite (default), postgresql or mariadb."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "example_project"))

SECRET_KEY = "only for the tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
ROOT_URLCONF = "tests.urls"
MEDIA_ROOT = str(Path(tempfile.gettempdir()) / f"tusfacturas_tests_{os.getuid()}_{os.getpid()}_media")
atexit.register(shutil.rmtree, MEDIA_ROOT, ignore_errors=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick: nobody attacks a test's passwords
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "django_tusfacturas_lotes",
    "shop",
    "tests.testshop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_SQLITE_FILE = Path(tempfile.gettempdir()) / f"tusfacturas_tests_{os.getuid()}_{os.getpid()}.sqlite3"
_DATABASES = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_SQLITE_FILE),
        "TEST": {"NAME": str(_SQLITE_FILE)},
        "OPTIONS": {
            # As in the example shop and the README.
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "tusfacturas",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("TEST_POSTGRESQL_PORT", "5432"),
        "USER": os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
        "OPTIONS": {"options": "-c synchronous_commit=off"},  # only a machine that stops would lose
        # A database for each run, so that two runs at once on one machine don't meet.
        "TEST": {"NAME": f"test_tusfacturas_{os.getpid()}"},
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "tusfacturas",
        "HOST": "127.0.0.1",
        "PORT": os.environ.get("TEST_MARIADB_PORT", "3306"),
        "USER": os.environ.get("TEST_MARIADB_USER", "root"),
        "OPTIONS": {"charset": "utf8mb4"},
        "TEST": {"NAME": f"test_tusfacturas_{os.getpid()}"},
    },
}
TEST_DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
DATABASES = {"default": _DATABASES[TEST_DATABASE]}

# Shared by a test process and the clusters that it starts, which inherit its environment, and by nobody else.
_RUN = f"{os.environ.setdefault('TEST_RUN', str(os.getpid()))}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
# A broker of its own kind for the cluster tests: the database, or Redis with TEST_BROKER=redis.
Q_CLUSTER = {
    "name": f"tusfacturas-tests-{_RUN}",
    "workers": 2,
    "timeout": 120,
    "retry": 180,
    "max_attempts": 3,
    "poll": 0.1,
    "catch_up": False,
    **(
        {"redis": {"host": "127.0.0.1", "port": 6379, "db": 9}}
        if os.environ.get("TEST_BROKER") == "redis"
        else {"orm": "default"}
    ),
}

APIKEY = "90817264"
APITOKEN = "apitoken-4b1f7c9a52d84e6fb0c3"
USERTOKEN = "usertoken-97e2d5f0c1a64b3d8e52"
TUSFACTURAS_LOTES = {
    "ACCOUNTS": {
        "default": {
            "APIKEY": APIKEY,
            "APITOKEN": APITOKEN,
            "USERTOKEN": USERTOKEN,
            "PUNTO_VENTA": 3,
            "BASE_URL": "http://127.0.0.1:9",
        },
    },
    "CALL_GAP": 0,  # the sandbox wants none, unless a test asks for it
    "WEBHOOK_URL": "http://127.0.0.1/tusfacturas/webhook/",
    "COMPROBANTE_BUILDER": "tests.support.builders.build_comprobante",
}
