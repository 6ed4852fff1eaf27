"""The migrations of the sessions' table."""
