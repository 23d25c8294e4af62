"""What is silent or uncertain is looked up at TusFacturas; nothing is ever sent again to find out.

- `accounts_with_look_ups` says for which accounts something is to be asked now, and `look_up` asks.
- `expedite` has all that is in doubt asked now, whatever its pause.
"""

from .look_ups import LookUpReport, accounts_with_look_ups, expedite, look_up

__all__ = ["LookUpReport", "accounts_with_look_ups", "expedite", "look_up"]
