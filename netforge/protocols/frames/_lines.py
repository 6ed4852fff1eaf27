"""A payload a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._decoder import Decoder
from netforge.protocols.frames._size import Capped

__all__ = ["Lines"]


@dataclass(frozen=True, slots=True)
class Lines(Capped):
    """Lines that end in LF or CR LF; whichever the peer sends is understood.

    A CR elsewhere in a line is part of it. The stream must not end within a line.

    :param max_size: the most bytes of a line, its end not counted.
    :param delimiter: what our lines end in, LF or CR LF.
    :raises ValueError: the cap is negative, or the delimiter another.
    """

    max_size: int = 16384
    delimiter: Literal[b"\n", b"\r\n"] = b"\n"

    def __post_init__(self) -> None:
        Capped.__post_init__(self)
        if self.delimiter not in {b"\n", b"\r\n"}:
            raise ValueError(f"lines end in LF or CR LF, not in {self.delimiter!r}")

    def encode(self, payload: bytes) -> bytes:
        """Make a line.

        :raises LocalProtocolError: the payload is too long, has an LF, or ends in CR, which would be taken for a part
            of the line's end.
        """
        self._check(payload)
        if b"\n" in payload or payload.endswith(b"\r"):
            raise LocalProtocolError(f"a line has no LF, and no CR at its end: {payload!r}")
        return payload + self.delimiter

    def decoder(self) -> Decoder:
        """Begin to read a stream."""
        return _LineDecoder(self.max_size)


class _LineDecoder(Decoder):
    def __init__(self, max_size: int) -> None:
        super().__init__()
        self._max_size = max_size

    def _take(self, data: bytes, payloads: list[bytes]) -> None:
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._buffer:
            lines[0] = bytes(self._buffer) + lines[0]
            self._buffer.clear()
        for line in lines:
            payload = line.removesuffix(b"\r")
            self._check(len(payload))
            payloads.append(payload)
        self._buffer += rest
        # A CR at the end may yet belong to the line's end.
        self._check(len(self._buffer) - self._buffer.endswith(b"\r"))

    def _check(self, size: int) -> None:
        if size > self._max_size:
            raise RemoteProtocolError(f"the peer sends a line of more than {self._max_size} bytes")
