"""The settings, typed: `conf` has a property for each, and an `Account` for each in `ACCOUNTS`."""

from .accounts import Account
from .settings import Conf, conf

__all__ = ["Account", "Conf", "conf"]
