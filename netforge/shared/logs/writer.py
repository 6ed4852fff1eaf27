"""The thread that writes lines, so that a sink that takes none holds up nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from twisted.logger import Logger

from netforge.shared.logs.sinks import Sink

__all__ = ["Writer"]

log = Logger()

#: The most bytes that wait for a sink.
CAPACITY = 4 * 1024 * 1024

#: The most bytes that are written at once, if no line is longer.
BATCH = 64 * 1024

#: Seconds between two attempts to write to a sink that fails.
RETRY = 1.0

#: Seconds to let lines gather after some were written.
GATHER = 0.005


class Writer:
    """Writes lines in their order. What finds the queue full is dropped, and counted.

    That the sink fails, or lines are dropped, is logged once, and so is its end, with how many were.

    :param sink: where the lines go.
    :param dropped: called for every line that is dropped, in whatever thread wanted to write it.
    """

    def __init__(self, sink: Sink, dropped: Callable[[], object] = lambda: None) -> None:
        self._sink = sink
        self._tell_dropped = dropped
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._error: OSError | None = None
        self._closed: Callable[[], object] | None = None
        self._change = threading.Condition()
        # A daemon: one that its sink holds must not hold the end of the process.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Have a line written. Never waits; may be called in any thread."""
        with self._change:
            if self._size + len(line) <= CAPACITY:
                self._lines.append(line)
                self._size += len(line)
                self._change.notify()
                return
            self._dropped += 1
            first = self._dropped == 1
        self._tell_dropped()
        if first:
            # Which this sink does not get either, but others may.
            log.error("the log is written too slowly: lines are dropped", event="log")

    def close(self, closed: Callable[[], object] = lambda: None) -> None:
        """Write what waits, then end; at once if the sink fails.

        :param closed: called then, in the writer's thread.
        """
        with self._change:
            self._closed = closed
            self._change.notify()

    def join(self, seconds: float) -> None:
        """Wait, so long at most, until it has ended."""
        self._thread.join(seconds)

    def check(self) -> None:
        """See whether lines get through.

        :raises OSError: if the sink fails or is too slow.
        """
        if self._error is not None:
            raise OSError(f"the log cannot be written: {self._error}")
        if self._dropped:
            raise OSError(f"the log is written too slowly: {self._dropped} lines were dropped")

    def _run(self) -> None:
        while batch := self._next():
            self._write(batch)
            self._tell_lost()
            # To be woken for every line would cost the reactor more than the line itself.
            time.sleep(GATHER)
        self._sink.close()
        assert self._closed is not None
        self._closed()

    def _next(self) -> bytes:
        """Whole lines to write, as soon as there are any; nothing when the end has come."""
        batch = bytearray()
        with self._change:
            while not self._lines and self._closed is None:
                self._change.wait()
            while self._lines and (not batch or len(batch) + len(self._lines[0]) <= BATCH):
                batch += self._lines.popleft()
            self._size -= len(batch)
        return bytes(batch)

    def _write(self, batch: bytes) -> None:
        while batch:
            try:
                batch = batch[self._sink.write(batch) :]
            except OSError as error:
                self._failed(error)
                if self._closed is not None:
                    return
                time.sleep(RETRY)
            else:
                self._worked()

    def _failed(self, error: OSError) -> None:
        if self._error is None:
            self._error = error
            log.error("the log cannot be written: {reason}", event="log", reason=str(error))

    def _worked(self) -> None:
        if self._error is not None:
            self._error = None
            log.info("the log can be written again", event="log")

    def _tell_lost(self) -> None:
        with self._change:
            if self._lines:
                return
            lost, self._dropped = self._dropped, 0
        if lost:
            log.warn("the log is written again; before this, {lost} lines were dropped", event="log", lost=lost)
