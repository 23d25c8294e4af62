"""Paid orders become Argentine electronic invoices through TusFacturas, in lotes of up to 500."""

__version__ = "0.1.0"
