"""The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.sasl._cores import Client
from netforge.protocols.sasl._saslprep import saslprep
from netforge.protocols.sasl._scram import (
    BINDINGS,
    MAX_ITERATIONS,
    MIN_ITERATIONS,
    Attributes,
    client_proof,
    decode,
    derive,
    digest,
    encode,
    read_nonce,
)

__all__ = ["ScramClient"]


class ScramClient(Client):
    """The client's side of SCRAM. The response to the first challenge takes long: a thread may compute it.

    :param nonce: from :func:`make_nonce`, for this exchange alone.
    :param bindings: the data of this connection by kind of channel binding, if it has TLS. Given without *plus*, they
        tell the server that its -PLUS variant was not to be seen.
    :param plus: whether to use the -PLUS variant.
    :raises LocalProtocolError: the -PLUS variant needs a binding, or the name cannot be prepared.
    """

    def __init__(
        self,
        name: str,
        password: str,
        nonce: str,
        *,
        authorization: str = "",
        bindings: Mapping[str, bytes] | None = None,
        plus: bool = False,
    ) -> None:
        bindings = bindings or {}
        kind = next((one for one in BINDINGS if one in bindings), None)
        if plus and kind is None:
            raise LocalProtocolError(f"-PLUS needs a channel binding: {' or '.join(BINDINGS)}")
        try:
            bare = f"n={_escaped(saslprep(name))},r={nonce}"
        except ValueError as error:
            raise LocalProtocolError(f"the name cannot be prepared: {error}") from None
        flag = f"p={kind}" if plus else "y" if bindings else "n"
        header = f"{flag},{f'a={_escaped(authorization)}' if authorization else ''},".encode()
        self._binding = encode(header + (bindings[kind] if plus and kind else b""))
        self._password = password
        self._nonce = nonce
        self._bare = bare.encode()
        self._message = header + self._bare
        self._signature: bytes | None = None
        self._server_proved = False

    def start(self) -> bytes:
        return self._message

    def receive(self, challenge: bytes) -> bytes:
        if self._signature is None:
            return self._prove(challenge)
        self._check(challenge)
        return b""

    def finish(self, data: bytes | None = None) -> None:
        if data is not None and not self._server_proved:
            self._check(data)
        if not self._server_proved:
            raise RemoteProtocolError("the server has not proved that it knows the password")

    def _prove(self, first: bytes) -> bytes:
        """Answer the server-first-message (RFC 5802, section 3)."""
        attributes = Attributes(first)
        nonce = read_nonce(attributes.take("r"))
        salt = decode(attributes.take("s"), "salt")
        iterations = attributes.take("i")
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise RemoteProtocolError("the nonce does not continue ours")
        if not (iterations.isascii() and iterations.isdecimal() and len(iterations) < 10):
            raise RemoteProtocolError("the number of iterations is not a number")
        if not MIN_ITERATIONS <= int(iterations) <= MAX_ITERATIONS:
            raise RemoteProtocolError(f"expected {MIN_ITERATIONS} to {MAX_ITERATIONS} iterations, not {iterations}")
        salted = derive(self._password, salt, int(iterations))
        final = f"c={self._binding},r={nonce}"
        said = b",".join((self._bare, first, final.encode()))
        client_key = digest(salted, b"Client Key")
        proof = client_proof(client_key, hashlib.sha256(client_key).digest(), said)
        self._signature = digest(digest(salted, b"Server Key"), said)
        return f"{final},p={encode(proof)}".encode()

    def _check(self, final: bytes) -> None:
        """Check the server-final-message."""
        if final.startswith(b"e="):
            raise RemoteProtocolError(f"the server refuses: {final[2:64]!r}")
        given = decode(Attributes(final).take("v"), "signature")
        if self._signature is None or not hmac.compare_digest(given, self._signature):
            raise RemoteProtocolError("the server does not prove that it knows the password")
        self._server_proved = True


def _escaped(name: str) -> str:
    """RFC 5802, section 5.1."""
    return name.replace("=", "=3D").replace(",", "=2C")
