"""What the provider answers and tells, read."""
