"""SSH public keys, as their files have them."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from typing import NamedTuple

__all__ = ["PublicKey", "fingerprint_of", "read_key"]


class PublicKey(NamedTuple):
    """A public key.

    :param key: as it is on the wire (RFC 4253, section 6.6).
    :param comment: what its owner calls it.
    """

    key: bytes
    comment: str

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it."""
        return fingerprint_of(self.key)


def fingerprint_of(key: bytes) -> str:
    """The fingerprint of a key, as OpenSSH shows it."""
    return "SHA256:" + b64encode(hashlib.sha256(key).digest()).decode("ascii").rstrip("=")


def read_key(line: str) -> PublicKey:
    """Read a line of a ``.pub`` file: the kind of the key, the key in base64, and a comment.

    :raises ValueError: it is something else, such as a private key.
    """
    kind, _, rest = line.strip().partition(" ")
    data, _, comment = rest.partition(" ")
    try:
        key = b64decode(data, validate=True)
    except ValueError:
        key = b""
    # The key says its kind itself, after the length of that.
    if not kind or key[: 4 + len(kind)] != len(kind).to_bytes(4, "big") + kind.encode():
        raise ValueError("not an SSH public key: expected a line such as 'ssh-ed25519 AAAA... comment'")
    return PublicKey(key, comment.strip()[:255])
