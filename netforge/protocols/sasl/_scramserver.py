"""The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.sasl._cores import MESSAGE_CAP, Server, read_name, read_text
from netforge.protocols.sasl._scram import Attributes, Verifier, client_proof, decode, digest, encode, read_nonce
from netforge.protocols.sasl.events import Challenge, NameGiven, Proved, ServerEvent

__all__ = ["ScramServer"]

_FLAGS = "a channel binding flag: p=..., y or n"


class ScramServer(Server):
    """The server's side of SCRAM.

    A :class:`NameGiven` asks for the verifier of the name; :meth:`supply` takes it. Names without one get a
    :func:`fake_verifier`. What has to be said to the client on failure is the ``reply`` of the error.

    :param nonce: from :func:`make_nonce`, for this exchange alone.
    :param bindings: the data of this connection by kind of channel binding. If there is any, the -PLUS variant was
        advertised; a client that pretends not to have seen it fails.
    :param plus: whether the client has chosen the -PLUS variant.
    """

    def __init__(self, nonce: str, bindings: Mapping[str, bytes] | None = None, *, plus: bool = False) -> None:
        self._nonce = nonce
        self._bindings = bindings or {}
        self._plus = plus
        self._given: NameGiven | None = None
        self._verifier: Verifier | None = None
        self._header = self._bound = b""
        self._said = b""
        self._done = False

    def receive(self, response: bytes | None) -> ServerEvent:
        if self._done or (self._given is not None and self._verifier is None):
            raise LocalProtocolError("it is not the client's turn")
        if self._verifier is None:
            return Challenge(b"") if response is None else self._first(response)
        self._done = True
        return self._final(response or b"", self._verifier)

    def supply(self, verifier: Verifier) -> Challenge:
        """Take the verifier of the name that was given.

        :raises LocalProtocolError: none was, or this is the second verifier.
        """
        if self._given is None or self._verifier is not None:
            raise LocalProtocolError("nobody asked for a verifier")
        self._verifier = verifier
        first = f"r={self._nonce},s={encode(verifier.salt)},i={verifier.iterations}".encode()
        self._said += b"," + first
        return Challenge(first)

    def _first(self, message: bytes) -> NameGiven:
        """Take the client-first-message (RFC 5802, section 7)."""
        if len(message) > MESSAGE_CAP:
            raise RemoteProtocolError(f"the message has {len(message)} bytes; {MESSAGE_CAP} are the most")
        parts = message.split(b",", 2)
        if len(parts) != 3:
            raise RemoteProtocolError("expected a header of two fields before the attributes", b"e=other-error")
        flag, authorization, bare = parts
        self._bound = self._binding(flag)
        self._header = flag + b"," + authorization + b","
        if authorization and not authorization.startswith(b"a="):
            raise RemoteProtocolError("expected a=... or nothing", b"e=other-error")
        attributes = Attributes(bare)
        name = read_name(_unescaped(attributes.take("n").encode()))
        self._nonce = read_nonce(attributes.take("r")) + self._nonce
        self._said = bare
        self._given = NameGiven(name, read_text(_unescaped(authorization[2:]), "authorization identity"))
        return self._given

    def _binding(self, flag: bytes) -> bytes:
        """The data that the client has to have hashed by its flag (RFC 5802, section 6)."""
        if flag.startswith(b"p="):
            if not self._plus:
                raise RemoteProtocolError("a channel binding without -PLUS", b"e=channel-binding-not-supported")
            data = self._bindings.get(flag[2:].decode("ascii", "replace"))
            if data is None:
                raise RemoteProtocolError("no such channel binding", b"e=unsupported-channel-binding-type")
            return data
        if flag not in (b"y", b"n"):
            raise RemoteProtocolError(f"expected {_FLAGS}", b"e=other-error")
        if self._plus:
            raise RemoteProtocolError("-PLUS without a channel binding", b"e=server-does-support-channel-binding")
        if flag == b"y" and self._bindings:
            # Somebody between us has taken -PLUS out of what was advertised.
            raise RemoteProtocolError("the client did not see -PLUS", b"e=server-does-support-channel-binding")
        return b""

    def _final(self, message: bytes, verifier: Verifier) -> Proved:
        """Take the client-final-message."""
        assert self._given is not None
        attributes = Attributes(message)
        bound = decode(attributes.take("c"), "channel binding")
        nonce = attributes.take("r")
        while attributes.more and attributes.next != "p=":
            attributes.take(attributes.next[:1])
        proof = decode(attributes.take("p"), "proof")
        if attributes.more:
            raise RemoteProtocolError("something follows the proof", b"e=other-error")
        if not hmac.compare_digest(bound, self._header + self._bound):
            raise RemoteProtocolError("the channel bindings differ", b"e=channel-bindings-dont-match")
        if not hmac.compare_digest(nonce.encode(), self._nonce.encode()):
            raise RemoteProtocolError("the nonce is not that of this exchange", b"e=other-error")
        said = self._said + b"," + message[: message.rindex(b",p=")]
        if not _proves(proof, verifier, said):
            raise RemoteProtocolError("the proof is wrong", b"e=invalid-proof")
        signature = encode(digest(verifier.server_key, said))
        return Proved(self._given.name, f"v={signature}".encode(), self._given.authorization)


def _proves(proof: bytes, verifier: Verifier, said: bytes) -> bool:
    if len(proof) != len(verifier.stored_key):
        return False
    client_key = client_proof(proof, verifier.stored_key, said)
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key)


def _unescaped(name: bytes) -> bytes:
    """RFC 5802, section 5.1: in a name ``,`` is ``=2C`` and ``=`` is ``=3D``."""
    first, *rest = name.split(b"=")
    if not all(part.startswith((b"2C", b"3D")) for part in rest):
        raise RemoteProtocolError("expected 2C or 3D after = in a name", b"e=invalid-username-encoding")
    return first + b"".join((b"," if part.startswith(b"2C") else b"=") + part[2:] for part in rest)
