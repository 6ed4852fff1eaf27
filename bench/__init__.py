"""Measures netforge against its peers: ``python -m bench`` or ``make bench``. See README.md."""
