"""The provider's language: what a comprobante is, what it adds up to, and what is wrong with it.

Pure: the standard library, pydantic and python-stdnum, no Django and no network; it can be used on its own.

>>> from django_tusfacturas_lotes.wire.comprobante import read
>>> read({"cliente": {...}, "comprobante": {...}}).wire()

`comprobante` has the models and `read`, `rules` the table of rules and the `Facts` that an account adds, `totals` the
money, `net_prices` net prices out of prices with IVA, `tables` the reference tables as enums. `python -m
django_tusfacturas_lotes.wire check file.json` tells what is wrong with a file.
"""
