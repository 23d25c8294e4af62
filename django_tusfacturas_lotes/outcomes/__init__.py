"""What becomes known of calls and tries becomes state, whoever told it."""
