"""Look up at TusFacturas what is overdue or uncertain; nothing is ever sent again to find out.

- `accounts_with_look_ups` says for which accounts something is to be asked now, and `look_up` asks.
- `expedite` has all of that looked up now, whatever its pause.
"""

from .look_ups import LookUpReport, accounts_with_look_ups, expedite, look_up

__all__ = ["LookUpReport", "accounts_with_look_ups", "expedite", "look_up"]
