"""The PDFs of what was issued, kept while their address is good."""

from .keeping import fetch_now, keep_due

__all__ = ["fetch_now", "keep_due"]
