"""Fetch the PDFs of issued invoices while their address is good, and keep them in the host's storage.

- `keep_due` fetches those that are due; `fetch_now` makes one due at once.
"""

from .keeping import fetch_now, keep_due

__all__ = ["fetch_now", "keep_due"]
