"""Hashes of passwords as Apache's ``htpasswd`` writes them, and Argon2's."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable

__all__ = ["Matcher", "matcher_for"]

Matcher = Callable[[bytes], bool]
"""Whether a password is the right one. Takes as long as the scheme does."""

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def matcher_for(stored: str) -> Matcher:
    """What checks passwords against a hash.

    :raises ValueError: if its scheme is unknown, or needs a library that is not installed. It does not say the hash.
    """
    if stored.startswith("{SHA}"):
        return lambda password: _same(stored, "{SHA}" + b64encode(hashlib.sha1(password).digest()).decode("ascii"))
    if stored.startswith("$apr1$") and stored.count("$") == 3:
        salt = stored.split("$")[2]
        return lambda password: _same(stored, f"$apr1${salt}${_apr1(password, salt.encode())}")
    if stored.startswith(("$2y$", "$2b$", "$2a$")):
        return _bcrypt(stored.encode())
    if stored.startswith("$argon2"):
        return _argon2(stored)
    raise ValueError("unknown scheme: expected bcrypt ($2y$), argon2, apr1 or {SHA}")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _bcrypt(stored: bytes) -> Matcher:
    try:
        import bcrypt  # noqa: PLC0415  an extra
    except ImportError:
        raise ValueError("bcrypt needs a library: pip install 'netforge[htpasswd]'") from None
    # Where bcrypt refuses more than it looks at, Apache cuts.
    return lambda password: bcrypt.checkpw(password[:72], stored)


def _argon2(stored: str) -> Matcher:
    from argon2 import PasswordHasher, extract_parameters  # noqa: PLC0415  takes time
    from argon2.exceptions import InvalidHashError, VerifyMismatchError  # noqa: PLC0415

    try:
        extract_parameters(stored)
    except InvalidHashError:
        raise ValueError("not a hash of Argon2") from None

    def matches(password: bytes) -> bool:
        try:
            return PasswordHasher().verify(stored, password)
        except VerifyMismatchError:
            return False

    return matches


def _apr1(password: bytes, salt: bytes) -> str:
    """Apache's variant of the MD5-based hash of FreeBSD's ``crypt``: 1000 rounds of MD5."""
    inner = hashlib.md5(password + salt + password).digest()
    digest = hashlib.md5(password + b"$apr1$" + salt)
    digest.update((inner * (len(password) // 16 + 1))[: len(password)])
    length = len(password)
    while length:
        # What a slip of the pen in the first implementation made of a stretch of zeros.
        digest.update(b"\0" if length & 1 else password[:1])
        length >>= 1
    found = digest.digest()
    for number in range(1000):
        one = hashlib.md5(password if number & 1 else found)
        if number % 3:
            one.update(salt)
        if number % 7:
            one.update(password)
        one.update(found if number & 1 else password)
        found = one.digest()
    order = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
    groups = [(found[a] << 16 | found[b] << 8 | found[c], 4) for a, b, c in order]
    return "".join(_in_base64(number, length) for number, length in [*groups, (found[11], 2)])


def _in_base64(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 6 * place & 63] for place in range(length))
