"""The time of RFC 868: whole seconds since 1900, in 32 bits, the most significant byte first."""

from __future__ import annotations

import math

from netforge.protocols.errors import RemoteProtocolError

__all__ = ["TIME_SIZE", "decode_time", "encode_time"]

TIME_SIZE = 4
"""The bytes of an answer."""

_1900 = -2_208_988_800  # 1 January 1900, 00:00:00 UTC, as Unix time
_ERA = 2**32  # seconds until the number begins anew; the first time on 7 February 2036


def encode_time(seconds: float) -> bytes:
    """Write a moment as the number that the service sends.

    :param seconds: Unix time, in seconds; fractions are dropped.
    :returns: 4 bytes.
    """
    return ((math.floor(seconds) - _1900) % _ERA).to_bytes(TIME_SIZE, "big")


def decode_time(data: bytes, near: float) -> int:
    """Read the number back, which says nothing about the era of 136 years that it belongs to.

    :param data: 4 bytes.
    :param near: Unix time, in seconds; of all eras, the one nearest to it is meant.
    :returns: Unix time, in seconds.
    :raises RemoteProtocolError: these are not 4 bytes.
    """
    if len(data) != TIME_SIZE:
        raise RemoteProtocolError(f"a time has {TIME_SIZE} bytes, not {len(data)}")
    seconds = int.from_bytes(data, "big") + _1900
    return seconds + round((near - seconds) / _ERA) * _ERA
