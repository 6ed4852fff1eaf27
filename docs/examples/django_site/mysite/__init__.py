"""A Django project: notes that visitors read, and those write who have an account."""
