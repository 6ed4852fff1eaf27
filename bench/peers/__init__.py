"""The servers under test: each a small program that prints its port, and ends when its input does."""
