"""Network services on Twisted: one process, one reactor, one file of settings."""

__version__ = "0.1.0"
