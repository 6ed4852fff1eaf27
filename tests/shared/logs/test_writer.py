"""The thread that writes: order, a sink that is stuck or fails, what is dropped, and the end."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from queue import Queue
from typing import cast

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from netforge.shared.logs import writer as module
from netforge.shared.logs.sinks import Sink
from netforge.shared.logs.writer import Writer

PATIENCE = 30.0


class Gate(Sink):
    """A sink that takes nothing while it is shut, fails while it is broken, and tells of every attempt."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.broken: OSError | None = None
        self.portion = 1_000_000
        self.taken = b""
        self.attempts: Queue[bytes] = Queue()
        self.closed = False

    def write(self, data: bytes) -> int:
        self.attempts.put(data)
        assert self.open.wait(PATIENCE)
        if self.broken is not None:
            raise self.broken
        self.taken += data[: self.portion]
        return len(data[: self.portion])

    def close(self) -> None:
        self.closed = True


class Desk:
    """A writer and its gate."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.dropped = 0
        self.writer = Writer(self.gate, self._drop)
        self.writer.start()

    def _drop(self) -> None:
        self.dropped += 1

    def end(self) -> bytes:
        """Let everything be written, and end; what was taken."""
        ended = threading.Event()
        self.gate.open.set()
        self.writer.close(ended.set)
        assert ended.wait(PATIENCE)
        self.writer.join(PATIENCE)
        assert self.gate.closed
        return self.gate.taken


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(module, "CAPACITY", 100)
    monkeypatch.setattr(module, "RETRY", 0.001)
    made = Desk()
    yield made
    if not made.gate.closed:
        made.end()


def told(events: list[LogEvent]) -> list[str]:
    return [event["log_format"] for event in events if event.get("event") == "log"]


def test_lines_are_written_in_their_order_and_all_before_the_end(desk: Desk) -> None:
    lines = [b"line%d\n" % number for number in range(10)]
    for line in lines:
        desk.writer.put(line)
    assert desk.end() == b"".join(lines)


def test_lines_that_wait_are_written_at_once_but_not_too_many(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    desk.writer.put(b"first\n")
    assert desk.gate.attempts.get(timeout=PATIENCE) == b"first\n"
    for line in (b"1234\n", b"6789\n", b"x\n", b"longer than a batch\n"):
        desk.writer.put(line)
    desk.end()
    assert list(desk.gate.attempts.queue) == [b"1234\n6789\n", b"x\n", b"longer than a batch\n"]


def test_what_was_not_taken_is_offered_again(desk: Desk) -> None:
    desk.gate.portion = 3
    desk.writer.put(b"a long line\n")
    assert desk.end() == b"a long line\n"


def test_a_stuck_sink_holds_nobody_up_and_drops_are_counted(desk: Desk, events: list[LogEvent]) -> None:
    desk.writer.put(b"held\n")
    desk.gate.attempts.get(timeout=PATIENCE)
    desk.writer.check()
    for _ in range(15):
        desk.writer.put(b"123456789\n")
    assert desk.dropped == 5
    with pytest.raises(OSError, match="too slowly: 5 lines were dropped"):
        desk.writer.check()
    assert told(events) == ["the log is written too slowly: lines are dropped"]
    assert desk.end() == b"held\n" + b"123456789\n" * 10
    desk.writer.check()
    assert [event["lost"] for event in events if "lost" in event] == [5]
    assert len(told(events)) == 2


def test_drops_are_told_when_all_that_waited_is_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    taken: list[int] = []

    def note(event: LogEvent) -> None:
        if "lost" in event:
            taken.append(len(desk.gate.taken))

    observer = cast(ILogObserver, note)
    globalLogPublisher.addObserver(observer)
    for _ in range(20):
        desk.writer.put(b"123456789\n")
    everything = desk.end()
    globalLogPublisher.removeObserver(observer)
    assert taken == [len(everything)]


def test_a_line_that_is_longer_than_all_that_may_wait_is_dropped(desk: Desk) -> None:
    desk.writer.put(b"x" * 101)
    assert desk.dropped == 1


def test_a_sink_that_fails_is_told_of_once_and_tried_again(desk: Desk, events: list[LogEvent]) -> None:
    desk.gate.broken = OSError(errno.ENOSPC, "No space left on device")
    desk.gate.open.set()
    desk.writer.put(b"one\n")
    for _ in range(3):
        assert desk.gate.attempts.get(timeout=PATIENCE) == b"one\n"
    with pytest.raises(OSError, match="No space left on device"):
        desk.writer.check()
    desk.writer.put(b"two\n")
    desk.gate.broken = None
    assert desk.end() == b"one\ntwo\n"
    desk.writer.check()
    assert told(events) == ["the log cannot be written: {reason}", "the log can be written again"]
    assert events[0]["reason"] == "[Errno 28] No space left on device"


def test_a_sink_that_fails_does_not_hold_up_the_end(desk: Desk) -> None:
    desk.gate.broken = OSError(errno.EIO, "gone")
    desk.writer.put(b"one\n")
    assert desk.end() == b""


def test_a_line_that_a_sink_has_begun_is_finished_after_a_failure(desk: Desk) -> None:
    desk.gate.portion = 3
    desk.gate.open.set()
    desk.writer.put(b"abcdef\n")
    desk.gate.attempts.get(timeout=PATIENCE)
    desk.gate.broken = OSError(errno.ENOSPC, "full")
    desk.writer.put(b"next\n")
    desk.gate.broken = None
    assert desk.end() == b"abcdef\nnext\n"


def test_many_threads_may_put_lines(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 1_000_000)
    desk.gate.open.set()

    def put(name: int) -> None:
        for number in range(200):
            desk.writer.put(b"%d %d\n" % (name, number))

    threads = [threading.Thread(target=put, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = desk.end().splitlines()
    for name in range(4):
        assert [line for line in lines if line.startswith(b"%d " % name)] == [b"%d %d" % (name, n) for n in range(200)]
