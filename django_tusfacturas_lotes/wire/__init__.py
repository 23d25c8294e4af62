"""The provider's language: what a comprobante is, what it adds up to, and what is wrong with it.

Pure: the standard library, pydantic and python-stdnum, no Django and no network; it can be used on its own.

>>> from django_tusfacturas_lotes.wire.validation import read
>>> read({"cliente": {...}, "comprobante": {...}}).wire()

- `validation`: `read`, which checks that a comprobante may be issued.
- `rules`: the table of rules, and the `Facts` that an account adds to them.
- `comprobante`: the models, with their totals and the reference tables as enums.
- `orders`: the builder for a shop's orders, net prices out of prices with IVA, notas.
- `modalities`: how calls are made, and how their answers and notifications are read.
- `answers`: look-ups, operations on the provider's queue, error codes, redaction.

`python -m django_tusfacturas_lotes.wire check file.json` tells what is wrong with a file.
"""
