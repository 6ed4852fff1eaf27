"""Application passwords: made here, shown once, good for some scopes."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from random import Random

__all__ = ["digest_of", "make_application_password"]


def make_application_password(random: Random) -> str:
    """A new one: 125 bits, in five groups of five letters and digits."""
    text = b32encode(random.randbytes(16)).decode("ascii").lower()[:25]
    return "-".join(text[start : start + 5] for start in range(0, 25, 5))


def digest_of(password: str) -> str:
    """What is kept of one. Nobody can guess so many bits: so a fast hash will do, and logins by it cost nothing.

    Hyphens, spaces and case do not matter: people copy it by hand.
    """
    plain = password.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
