"""The opening handshake (RFC 6455, section 4; RFC 8441, section 5), as far as both sides share it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

__all__ = ["VERSION", "accepted"]

#: The version of the protocol, of which there is one.
VERSION = b"13"

#: What no server that does not speak WebSocket would hash by chance (RFC 6455, section 1.3).
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(key: bytes) -> bytes:
    """How a server shows that it has understood a client's key."""
    return b64encode(sha1(key + GUID, usedforsecurity=False).digest())
