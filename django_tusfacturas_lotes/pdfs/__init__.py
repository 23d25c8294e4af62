"""The PDFs of what was issued: fetched while their address is good, and kept in the host's storage.

- `keep_due` fetches those that are due; `fetch_now` has one fetched at the next occasion.
"""

from .keeping import fetch_now, keep_due

__all__ = ["fetch_now", "keep_due"]
