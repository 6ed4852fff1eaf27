"""The sizes of HTTP/2's frames (RFC 9113, section 4.1), looked at before h2 does.

It keeps a frame of up to 16 MiB in memory until it is complete, and only then finds that it is too large.
"""

from __future__ import annotations

__all__ = ["FrameSizes"]

HEADER = 9


class FrameSizes:
    """Follows the frames of one connection.

    :param opening: bytes before the first of them.
    :param most: bytes that a frame may have after its header.
    """

    __slots__ = ("_header", "_left", "_most")

    def __init__(self, opening: int, most: int) -> None:
        self._left = opening
        self._most = most
        self._header = b""

    def allow(self, data: bytes) -> bool:
        """Whether what comes begins no frame that is too large."""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                passed = min(self._left, end - at)
                self._left -= passed
                at += passed
                continue
            missing = HEADER - len(self._header)
            self._header += data[at : at + missing]
            at += missing
            if len(self._header) == HEADER:
                self._left = int.from_bytes(self._header[:3])
                self._header = b""
                if self._left > self._most:
                    return False
        return True
