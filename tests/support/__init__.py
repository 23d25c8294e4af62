"""What several tests use: helpers, no tests."""
