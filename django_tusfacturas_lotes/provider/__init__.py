"""Calls to TusFacturas."""
