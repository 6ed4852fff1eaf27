"""Notes: everybody reads them, and those write who have an account."""
