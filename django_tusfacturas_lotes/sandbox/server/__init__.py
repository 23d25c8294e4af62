"""The sandbox's HTTP: the provider's endpoints, ``/_sandbox/`` and the PDFs."""
