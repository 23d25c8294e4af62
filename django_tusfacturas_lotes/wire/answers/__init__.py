"""Reads what the provider answers: values, errors, look-ups and operations on its queue; and redacts it."""
