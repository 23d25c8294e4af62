"""SQL that gives each row its own value in one UPDATE."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from django.db import models
from django.db.models import Case, Value, When
from django.db.models.functions import Cast, Coalesce, Least


def either(pks: Collection[int], theirs: str, others: str) -> Any:
    """Return `theirs` for the rows with these primary keys, `others` for the rest."""
    return Case(When(pk__in=list(pks), then=Value(theirs)), default=Value(others)) if pks else others


def errors_by(errors: Mapping[int, list[dict[str, str]]]) -> Any:
    """Return an expression that gives each row (by primary key) its own errors, and [] to every other."""
    if not errors:
        return []
    json_field: models.JSONField[Any, Any] = models.JSONField()
    whens = [When(pk=pk, then=Value(texts, output_field=json_field)) for pk, texts in errors.items()]
    return Cast(Case(*whens, default=Value([], output_field=json_field), output_field=json_field), json_field)


def sooner(column: str, moment: dt.datetime) -> Any:
    """Return an expression for the earlier of the column and `moment`; `moment` where the column is null."""
    value = Value(moment, models.DateTimeField())
    return Least(Coalesce(column, value), value)
