"""The size of the payload in two or four bytes, the most significant first, then the payload."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from netforge.protocols.frames._decoder import Decoder, SizedDecoder
from netforge.protocols.frames._size import Capped

__all__ = ["Prefixed16", "Prefixed32"]


@dataclass(frozen=True, slots=True)
class _Prefixed(Capped):
    _prefix: ClassVar[Struct]

    def encode(self, payload: bytes) -> bytes:
        """Make a frame.

        :raises LocalProtocolError: the payload is too long.
        """
        self._check(payload)
        return self._prefix.pack(len(payload)) + payload

    def decoder(self) -> Decoder:
        """Begin to read a stream."""
        return _PrefixedDecoder(self.max_size, self._prefix)


@dataclass(frozen=True, slots=True)
class Prefixed16(_Prefixed):
    """The size in 16 bits before each payload.

    :param max_size: the most bytes of a payload.
    :raises ValueError: the cap is negative or above 65535.
    """

    max_size: int = 0xFFFF

    _limit: ClassVar[int] = 0xFFFF
    _prefix: ClassVar[Struct] = Struct(">H")


@dataclass(frozen=True, slots=True)
class Prefixed32(_Prefixed):
    """The size in 32 bits before each payload.

    :param max_size: the most bytes of a payload.
    :raises ValueError: the cap is negative or above 2**32 - 1.
    """

    max_size: int = 65536

    _limit: ClassVar[int] = 0xFFFF_FFFF
    _prefix: ClassVar[Struct] = Struct(">I")


class _PrefixedDecoder(SizedDecoder):
    def __init__(self, max_size: int, prefix: Struct) -> None:
        super().__init__(max_size)
        self._prefix = prefix

    def _read_header(self, data: bytes, position: int) -> tuple[int, int] | None:
        start = position + self._prefix.size
        if start > len(data):
            return None
        size: int = self._prefix.unpack_from(data, position)[0]
        if size > self._max_size:
            raise self._too_long()
        return start, size
