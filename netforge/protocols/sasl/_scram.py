"""What both sides of SCRAM share: keys, and how messages are written (RFC 5802; with SHA-256: RFC 7677)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from random import Random

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl._cores import MESSAGE_CAP
from netforge.protocols.sasl._saslprep import saslprep

__all__ = [
    "BINDINGS",
    "ITERATIONS",
    "MAX_ITERATIONS",
    "MIN_ITERATIONS",
    "Attributes",
    "Verifier",
    "client_proof",
    "decode",
    "derive",
    "digest",
    "encode",
    "fake_verifier",
    "make_nonce",
    "make_verifier",
    "prepared",
    "read_nonce",
]

MIN_ITERATIONS = 4096
"""The fewest that a server may ask for (RFC 7677, section 4)."""

MAX_ITERATIONS = 1_000_000
"""The most that a server may ask for. Whoever pretends to be a server could ask for hours of work."""

ITERATIONS = 100_000
"""As many as verifiers are made with: about 0.05 s for the client at every login."""

BINDINGS = ("tls-exporter", "tls-server-end-point")
"""The kinds of channel binding, the best first (RFC 9266; RFC 5929, section 4)."""

NONCE_CAP = 256


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server keeps of a password. It lets the server check a client, and convince it; not log in elsewhere.

    As text it is what RFC 5803 writes: ``SCRAM-SHA-256$iterations:salt$stored key:server key``.

    :param salt: random bytes.
    :param iterations: of PBKDF2.
    :param stored_key: the hash of the client's key.
    :param server_key: the server's key.
    """

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def __str__(self) -> str:
        salt, stored, server = map(encode, (self.salt, self.stored_key, self.server_key))
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read what ``str()`` wrote.

        :raises ValueError: it is something else.
        """
        try:
            scheme, costs, keys = text.split("$")
            iterations, salt = costs.split(":")
            stored, server = keys.split(":")
            if scheme == "SCRAM-SHA-256":
                parts = [b64decode(one, validate=True) for one in (salt, stored, server)]
                return cls(parts[0], int(iterations), parts[1], parts[2])
        except ValueError:
            pass
        raise ValueError("not a verifier of SCRAM-SHA-256")


def digest(key: bytes, message: bytes) -> bytes:
    """RFC 5802's HMAC()."""
    return hmac.digest(key, message, "sha256")


def derive(password: str, salt: bytes, iterations: int) -> bytes:
    """RFC 5802's SaltedPassword. Takes long."""
    return hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)


def make_verifier(password: str, random: Random, iterations: int = ITERATIONS) -> Verifier:
    """Make a verifier of a new password. Takes long."""
    salt = random.randbytes(16)
    salted = derive(password, salt, iterations)
    stored = hashlib.sha256(digest(salted, b"Client Key")).digest()
    return Verifier(salt, iterations, stored, digest(salted, b"Server Key"))


def fake_verifier(name: str, secret: bytes, iterations: int = ITERATIONS) -> Verifier:
    """What stands for the verifier of a name that has none, so that nobody can tell: the same each time, and no
    password fits.

    :param secret: random bytes that only the server knows, for ever the same.
    """
    salt, stored, server = (digest(secret, part + name.encode()) for part in (b"salt ", b"stored ", b"server "))
    return Verifier(salt[:16], iterations, stored, server)


def client_proof(client_key: bytes, stored_key: bytes, message: bytes) -> bytes:
    """RFC 5802's ClientProof; of a proof in place of the client's key, that key again."""
    signature = digest(stored_key, message)
    return bytes(one ^ other for one, other in zip(client_key, signature, strict=True))


def prepared(password: str) -> str:
    """A password as it is hashed. One that SASLprep does not allow counts as it is, rather than not at all."""
    try:
        return saslprep(password)
    except ValueError:
        return password


def make_nonce(random: Random) -> str:
    """24 characters that nobody can guess."""
    return encode(random.randbytes(18))


def encode(data: bytes) -> str:
    """Base64."""
    return b64encode(data).decode("ascii")


def decode(text: str, what: str) -> bytes:
    """Read base64.

    :raises RemoteProtocolError: it is none.
    """
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise RemoteProtocolError(f"the {what} is not base64", b"e=invalid-encoding") from None


def read_nonce(text: str) -> str:
    """Check a nonce.

    :raises RemoteProtocolError: it is empty, too long, or has other than printable characters.
    """
    # RFC 5802, section 7: printable = %x21-2B / %x2D-7E; commas have been taken out.
    if not 0 < len(text) <= NONCE_CAP or not all("!" <= one <= "~" for one in text):
        raise RemoteProtocolError(f"a nonce has 1 to {NONCE_CAP} printable characters", b"e=other-error")
    return text


class Attributes:
    """The attributes of a message, taken one by one in their order.

    :param message: ``a=1,b=2``.
    :raises RemoteProtocolError: the message is too long, or not UTF-8.
    """

    def __init__(self, message: bytes) -> None:
        if len(message) > MESSAGE_CAP:
            raise RemoteProtocolError(f"the message has {len(message)} bytes; {MESSAGE_CAP} are the most")
        try:
            self._left = message.decode().split(",")
        except UnicodeDecodeError:
            raise RemoteProtocolError("the message is not UTF-8", b"e=invalid-encoding") from None

    def take(self, letter: str) -> str:
        """The value of the attribute that has to come now.

        :raises RemoteProtocolError: another one comes, or none.
        """
        found = self._left.pop(0) if self._left else ""
        if found.startswith("m="):
            # RFC 5802, section 5.1: whoever does not know a mandatory extension must fail.
            raise RemoteProtocolError("a mandatory extension is not known here", b"e=extensions-not-supported")
        if not found.startswith(f"{letter}="):
            raise RemoteProtocolError(f"expected {letter}=..., found {found[:2]!r}", b"e=other-error")
        return found[2:]

    @property
    def more(self) -> bool:
        """Whether there are any left."""
        return bool(self._left)

    @property
    def next(self) -> str:
        """The first characters of the next one."""
        return self._left[0][:2] if self._left else ""
