"""The least that a webhook can be: a DRF view that inserts one row."""
