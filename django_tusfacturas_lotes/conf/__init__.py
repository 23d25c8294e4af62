"""The settings, and the accounts in them."""

from .accounts import Account
from .settings import Conf, conf

__all__ = ["Account", "Conf", "conf"]
