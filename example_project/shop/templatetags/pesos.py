"""Money as it is written in Argentina, whatever the language of the page."""

from decimal import Decimal

from django import template
from django.utils import numberformat

register = template.Library()


@register.filter
def pesos(amount: Decimal) -> str:
    """`Decimal("1234.5")` → `$ 1.234,50`, with a space that does not break the line."""
    figure = numberformat.format(
        amount, decimal_sep=",", decimal_pos=2, grouping=3, thousand_sep=".", force_grouping=True
    )
    return f"$\N{NO-BREAK SPACE}{figure}"
