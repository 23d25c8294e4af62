"""Empty the tables after a test, as Django's `flush` does, but only those that have rows.

Django truncates them all, and creates the content types and permissions anew. That was most of the time of the tests:
a third of it on SQLite, and more on PostgreSQL, where truncating costs a file for each table and index.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

from django_tusfacturas_lotes import schedules

# What `migrate` fills, and no test changes.
KEPT = {"django_content_type", "auth_permission"}


class Command(flush.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        using = str(options["database"])
        connection = connections[using]
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        emptied = [connection.ops.quote_name(table) for table in sorted(set(tables) - KEPT)]
        dual = " FROM DUAL" if connection.vendor == "mysql" else ""
        looks = [f"SELECT '{table[1:-1]}'{dual} WHERE EXISTS (SELECT 1 FROM {table})" for table in emptied]
        # Each of the databases checks what refers to what at the end, or not at all meanwhile.
        with connection.constraint_checks_disabled(), transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(looks))
            for (table,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        schedules.install(using=using)
