"""Netstrings, D. J. Bernstein, 1997: the size in decimal digits, a colon, the payload, a comma."""

from __future__ import annotations

from dataclasses import dataclass

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames._decoder import Decoder, SizedDecoder
from netforge.protocols.frames._size import Capped

__all__ = ["Netstrings"]


@dataclass(frozen=True, slots=True)
class Netstrings(Capped):
    """Netstrings, such as ``5:hello,``. Their size has no leading zeros.

    :param max_size: the most bytes of a payload.
    :raises ValueError: the cap is negative or above 2**63 - 1.
    """

    max_size: int = 65536

    def encode(self, payload: bytes) -> bytes:
        """Make a netstring.

        :raises LocalProtocolError: the payload is too long.
        """
        self._check(payload)
        return b"%d:%b," % (len(payload), payload)

    def decoder(self) -> Decoder:
        """Begin to read a stream."""
        return _NetstringDecoder(self.max_size)


class _NetstringDecoder(SizedDecoder):
    _trailer = b","

    def _read_header(self, data: bytes, position: int) -> tuple[int, int] | None:
        size = 0
        for index in range(position, len(data)):
            byte = data[index]
            first = index == position
            if byte == 0x3A and not first:
                return index + 1, size
            if not 0x30 <= byte <= 0x39:
                raise RemoteProtocolError(f"expected a netstring's size and ':', found {data[index : index + 1]!r}")
            if size == 0 and not first:
                raise RemoteProtocolError("a netstring's size has a leading zero")
            size = size * 10 + byte - 0x30
            if size > self._max_size:
                raise self._too_long()
        return None
