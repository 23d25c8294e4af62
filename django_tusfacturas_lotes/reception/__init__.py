"""Authenticate a notification, store it as an event, and act on it.

- `authenticate` says what a notification proves, and `receive` stores it and acts on it: the view calls both.
- `process` acts on one that is stored, `process_again` on those that nobody has acted on yet.
"""

from .authentication import Authenticated, authenticate
from .events import process, process_again, receive

__all__ = ["Authenticated", "authenticate", "process", "process_again", "receive"]
