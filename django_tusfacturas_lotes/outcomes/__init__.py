"""What becomes known of calls and tries becomes state, whoever told it.

`notifications` is where a notification comes in, `calls` an answer, and `tries` what a look-up found of one. Each works
in the caller's transaction, with the lotes locked first, then the try, then the invoice (docs/architecture.md, Laws).
"""

from .notifications import Applied, apply_notification

__all__ = ["Applied", "apply_notification"]
