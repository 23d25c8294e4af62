"""Record what becomes known of calls and tries, from an answer, a notification or a look-up.

A notification comes in by `notifications`, an answer by `calls`, and what a look-up found of a try by `tries`. Each
works in the caller's transaction, with the lotes locked first, then the try, then the invoice (law 14,
docs/architecture.md, Laws).
"""

from .notifications import Applied, apply_notification

__all__ = ["Applied", "apply_notification"]
