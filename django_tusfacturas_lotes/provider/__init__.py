"""Calls to TusFacturas: `client` makes one, `pace` keeps an account to one at a time, `ceiling` asks for an amount.

`client` knows nothing of Django, so nothing is imported here.
"""
