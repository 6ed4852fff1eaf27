"""The answers to HTTP-01 (RFC 8555, section 8.3)."""

from __future__ import annotations

from collections.abc import Mapping

from netforge.protocols.http import Exchange

__all__ = ["Responder"]

#: Where an ACME server looks.
PREFIX = "/.well-known/acme-challenge/"


class Responder:
    """An HTTP application that knows the proofs, and nothing else.

    :param proofs: by token.
    """

    def __init__(self, proofs: Mapping[str, str]) -> None:
        self._proofs = proofs

    def __call__(self, exchange: Exchange) -> None:
        path, found, token = exchange.request.target.partition(PREFIX)
        proof = self._proofs.get(token) if found and not path else None
        if proof is None:
            exchange.respond(404, [(b"content-type", b"text/plain")], b"404 Not Found\n")
        else:
            exchange.respond(200, [(b"content-type", b"application/octet-stream")], proof.encode())
