"""A notification becomes a stored event, and is acted on."""

from .events import Authenticated, authenticate, process, process_again, receive

__all__ = ["Authenticated", "authenticate", "process", "process_again", "receive"]
