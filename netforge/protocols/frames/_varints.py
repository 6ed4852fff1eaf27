"""The size of the payload as a varint of Protocol Buffers ("Encoding", "Base 128 Varints"), then the payload."""

from __future__ import annotations

from dataclasses import dataclass

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames._decoder import Decoder, SizedDecoder
from netforge.protocols.frames._size import Capped

__all__ = ["Varints"]

_LONGEST = 10  # the bytes of a varint of 64 bits


@dataclass(frozen=True, slots=True)
class Varints(Capped):
    """A varint before each payload: 7 bits a byte, the least significant first, the eighth says that more follow.

    This is what ``writeDelimitedTo`` of Protocol Buffers writes. A size in more bytes than it needs is understood, up
    to 10.

    :param max_size: the most bytes of a payload.
    :raises ValueError: the cap is negative or above 2**63 - 1.
    """

    max_size: int = 65536

    def encode(self, payload: bytes) -> bytes:
        """Make a frame.

        :raises LocalProtocolError: the payload is too long.
        """
        self._check(payload)
        size = len(payload)
        prefix = bytearray()
        while size > 0x7F:
            prefix.append(size & 0x7F | 0x80)
            size >>= 7
        prefix.append(size)
        return bytes(prefix) + payload

    def decoder(self) -> Decoder:
        """Begin to read a stream."""
        return _VarintDecoder(self.max_size)


class _VarintDecoder(SizedDecoder):
    def _read_header(self, data: bytes, position: int) -> tuple[int, int] | None:
        size = 0
        longest = data[position : position + _LONGEST]
        for count, byte in enumerate(longest):
            size |= (byte & 0x7F) << 7 * count
            if byte < 0x80:
                if size > self._max_size:
                    raise self._too_long()
                return position + count + 1, size
        if len(longest) == _LONGEST:
            raise RemoteProtocolError(f"a varint does not end after {_LONGEST} bytes")
        return None
