"""Where lines end up: files that are rotated, moved away or full, and streams."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from netforge.shared.logs.sinks import FileSink, StreamSink


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "netforge.log"


def test_lines_are_appended(path: Path) -> None:
    path.write_text("before\n")
    sink = FileSink(path)
    assert sink.write(b"one\n") == 4
    assert sink.write(b"two\n") == 4
    sink.close()
    assert path.read_text() == "before\none\ntwo\n"
    assert sink.write(b"three\n") == 6
    sink.close()
    assert path.read_text().endswith("three\n")


def test_a_new_file_is_not_for_everyone(path: Path) -> None:
    FileSink(path).write(b"one\n")
    assert path.stat().st_mode & 0o007 == 0


def test_no_file_is_made_before_there_is_a_line(path: Path) -> None:
    FileSink(path).close()
    assert not path.exists()


def test_a_file_that_was_moved_away_is_made_anew(path: Path) -> None:
    sink = FileSink(path)
    sink.write(b"one\n")
    path.rename(path.with_suffix(".old"))
    sink.write(b"two\n")
    path.unlink()
    sink.write(b"three\n")
    path.rename(path.with_suffix(".older"))
    path.write_text("made by logrotate\n")
    sink.write(b"four\n")
    sink.close()
    assert path.with_suffix(".old").read_text() == "one\n"
    assert path.with_suffix(".older").read_text() == "three\n"
    assert path.read_text() == "made by logrotate\nfour\n"


def test_a_file_that_was_emptied_is_written_from_its_beginning(path: Path) -> None:
    sink = FileSink(path)
    sink.write(b"one\n")
    os.truncate(path, 0)
    sink.write(b"two\n")
    sink.close()
    assert path.read_bytes() == b"two\n"


def test_a_file_that_is_full_is_put_aside_and_some_are_kept(path: Path) -> None:
    sink = FileSink(path, largest=10, keep=2)
    for number in range(7):
        sink.write(b"line%d\n" % number)
    sink.write(b"x" * 20 + b"\n")
    sink.write(b"end\n")
    sink.close()
    texts = {one.name: one.read_text() for one in path.parent.iterdir()}
    assert texts == {"netforge.log": "end\n", "netforge.log.1": "x" * 20 + "\n", "netforge.log.2": "line6\n"}


def test_a_file_may_be_just_as_large_as_it_may(path: Path) -> None:
    sink = FileSink(path, largest=8)
    sink.write(b"one\n")
    sink.write(b"two\n")
    assert not path.with_name("netforge.log.1").exists()
    sink.write(b"x\n")
    assert path.with_name("netforge.log.1").read_text() == "one\ntwo\n"


def test_an_empty_file_is_never_put_aside(path: Path) -> None:
    FileSink(path, largest=4).write(b"a longer line\n")
    assert [one.name for one in path.parent.iterdir()] == ["netforge.log"]


def test_no_line_is_torn_between_two_files(path: Path) -> None:
    sink = FileSink(path, largest=4)
    sink.write(b"one\ntw")
    path.rename(path.with_suffix(".old"))
    sink.write(b"o\n")
    sink.write(b"three\n")
    sink.close()
    assert path.with_suffix(".old").read_text() == "one\ntwo\n"
    assert path.read_text() == "three\n"


def test_without_a_size_nothing_is_put_aside(path: Path) -> None:
    sink = FileSink(path)
    for _ in range(10):
        sink.write(b"x" * 100_000 + b"\n")
    sink.close()
    assert [one.name for one in path.parent.iterdir()] == ["netforge.log"]


def test_what_is_no_regular_file_is_never_put_aside() -> None:
    sink = FileSink(Path("/dev/null"), largest=1)
    assert sink.write(b"one\n") == 4
    assert sink.write(b"two\n") == 4
    sink.close()
    assert Path("/dev/null").is_char_device()


def test_a_folder_that_is_gone_is_an_error_until_it_is_back(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "folder" / "x.log")
    with pytest.raises(FileNotFoundError):
        sink.write(b"one\n")
    (tmp_path / "folder").mkdir()
    sink.write(b"two\n")
    assert (tmp_path / "folder" / "x.log").read_text() == "two\n"


def test_a_stream_is_written_to_and_left_open() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = StreamSink(ours.fileno())
        assert sink.write(b"one\n") == 4
        sink.close()
        assert sink.write(b"two\n") == 4
        assert theirs.recv(100) == b"one\ntwo\n"


def test_a_stream_that_somebody_made_non_blocking_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netforge.shared.logs.sinks.POLL", 0.001)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        sink = StreamSink(ours.fileno())
        while sink.write(b"x" * 65536):
            pass
        while theirs.recv(65536, socket.MSG_DONTWAIT | socket.MSG_PEEK):
            theirs.recv(65536)
            if written := sink.write(b"again\n"):
                break
        assert written == 6
