"""Certificates from an ACME server (RFC 8555), by HTTP-01 or TLS-ALPN-01 (RFC 8737).

The library that speaks the protocol blocks, so orders are placed in a thread.
"""
