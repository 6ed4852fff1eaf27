"""Files that applications answer with (PEP 3333, "Optional Platform-Specific File Handling")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from netforge.services.web.wsgi.answer import AHEAD

__all__ = ["FileWrapper"]


class FileWrapper:
    """What is left of a file, in pieces that are worth the way to the reactor. It is closed at the end.

    :param file: what has ``read``.
    :param block_size: what the application thinks a good size, which is for reading alone.
    """

    def __init__(self, file: BinaryIO, block_size: int = 0) -> None:
        self._file = file
        self._size = max(block_size, AHEAD)

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(self._size):
            yield piece

    def close(self) -> None:
        """Close the file, if it can be closed."""
        if (close := getattr(self._file, "close", None)) is not None:
            close()
