"""What is silent or uncertain is looked up at TusFacturas."""

from .look_ups import LookUpReport, accounts_with_look_ups, expedite, look_up

__all__ = ["LookUpReport", "accounts_with_look_ups", "expedite", "look_up"]
