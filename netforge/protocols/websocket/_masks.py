"""Masking (RFC 6455, section 5.3), of many bytes at a time."""

from __future__ import annotations

__all__ = ["masked"]

#: From this size on, four translations are faster than one large number.
LARGE = 512

#: What becomes of each byte, by the byte of the mask.
_TABLES = [bytes(byte ^ other for other in range(256)) for byte in range(256)]


def masked(data: bytes, key: bytes) -> bytes:
    """Data with a mask laid on it, or taken off, which is the same.

    :param key: 4 bytes.
    """
    size = len(data)
    if size < LARGE:
        mask = (key * (size // 4 + 1))[:size]
        return (int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")
    # Slices of a bytearray are faster than those of bytes.
    result = bytearray(data)
    first, second, third, fourth = key
    result[0::4] = result[0::4].translate(_TABLES[first])
    result[1::4] = result[1::4].translate(_TABLES[second])
    result[2::4] = result[2::4].translate(_TABLES[third])
    result[3::4] = result[3::4].translate(_TABLES[fourth])
    return bytes(result)
