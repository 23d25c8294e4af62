"""From an order, or an issued invoice, to a comprobante."""
