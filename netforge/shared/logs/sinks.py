"""Where lines end up: in a file that may be rotated, or in a stream that is open already."""

from __future__ import annotations

import os
import select
from abc import ABC, abstractmethod
from pathlib import Path

__all__ = ["STANDARD_ERROR", "FileSink", "Sink", "StreamSink"]

#: Its file descriptor. Not ``sys.stderr``: twistd turns that into the log.
STANDARD_ERROR = 2

#: Seconds to wait at once for a stream that somebody has made non-blocking.
POLL = 1.0


class Sink(ABC):
    """Takes lines. All its methods may block, and are called by one thread."""

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Write, as ``os.write`` does.

        :param data: whole lines, or what is left of them.
        :return: how many bytes are written.
        :raises OSError: if nothing can be.
        """

    @abstractmethod
    def close(self) -> None:
        """Write no more."""


class StreamSink(Sink):
    """A stream that is open already, and stays so.

    :param descriptor: its file descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            select.select([], [self._descriptor], [], POLL)
            return 0

    def close(self) -> None:
        """Leave it to whoever opened it."""


class FileSink(Sink):
    """A file, opened at the first line, and anew once another file, or none, has its name: so logrotate may move it.

    :param path: where it stands.
    :param largest: the bytes beyond which it is put aside as ``NAME.1``, what was that as ``NAME.2`` ...; 0 for never.
    :param keep: how many are kept so.
    """

    def __init__(self, path: Path, largest: int = 0, keep: int = 1) -> None:
        self._path = path
        self._largest = largest
        self._keep = keep
        self._descriptor = -1
        self._between_lines = True

    def write(self, data: bytes) -> int:
        if self._between_lines:
            self._open()
            if self._is_full(len(data)):
                self._rotate()
                self._open()
        written = os.write(self._descriptor, data)
        self._between_lines = data[:written].endswith(b"\n")
        return written

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        if self._descriptor >= 0 and not self._is_there():
            self.close()
        if self._descriptor < 0:
            # Not for everyone: it tells who did what from where.
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _is_full(self, more: int) -> bool:
        size = os.fstat(self._descriptor).st_size
        # Of what is no regular file the size is 0.
        return size > 0 and 0 < self._largest < size + more

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
