"""The django-q2 schedule that wakes the app up, installed by name after migrate."""

from __future__ import annotations

from typing import Any

from django.db import connections, router

from .conf import conf

FLUSH = "django_tusfacturas_lotes: flush"


def install(sender: Any = None, **named: Any) -> None:
    """Install the schedule, unless there is one of its name. Receiver of `post_migrate`.

    An existing one is left alone, so that a person may change its pace or stop it (`repeats` 0). `SCHEDULES` False
    switches this off.
    """
    from django_q.models import Schedule

    using = named.get("using", "default")
    if not conf.schedules or not router.allow_migrate_model(using, Schedule):
        return
    if Schedule._meta.db_table not in connections[using].introspection.table_names():
        return  # `migrate django_tusfacturas_lotes` alone, before django_q's own
    if not Schedule.objects.using(using).filter(name=FLUSH).exists():
        Schedule.objects.using(using).create(
            name=FLUSH,
            func="django_tusfacturas_lotes.tasks.flush",
            schedule_type=Schedule.MINUTES,
            minutes=1,
            kwargs="q_options={'ack_failure': True}",
        )
