"""The settings, and the accounts in them."""

from .accounts import SETTING, Account, Problem
from .settings import Conf, conf, problems

__all__ = ["SETTING", "Account", "Conf", "Problem", "conf", "problems"]
