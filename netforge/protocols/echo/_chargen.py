"""The characters of RFC 864, in the pattern that its section "Data Syntax" shows."""

from __future__ import annotations

__all__ = ["CharacterGenerator"]

_WIDTH = 72
# The 95 printing characters of ASCII are a ring, and every line begins one further round it.
_RING = bytes(range(0x20, 0x7F))
_PATTERN = b"".join((_RING[line:] + _RING[:line])[:_WIDTH] + b"\r\n" for line in range(len(_RING)))
# So long that 16 KiB from any position in the pattern are one slice.
_BLOCK = _PATTERN * (16 * 1024 // len(_PATTERN) + 2)


class CharacterGenerator:
    """An endless stream of 72-character lines, each one character further round the ring than the last."""

    __slots__ = ("_position",)

    def __init__(self) -> None:
        self._position = 0

    def read(self, size: int) -> bytes:
        """Continue the stream.

        :param size: how many bytes, from 0 up; up to 16 KiB cost one copy.
        :returns: exactly that many bytes.
        """
        start = self._position
        end = start + size
        self._position = end % len(_PATTERN)
        block = _BLOCK if end <= len(_BLOCK) else _PATTERN * (end // len(_PATTERN) + 1)
        return block[start:end]
