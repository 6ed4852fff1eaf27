"""A disk that is full: one clear event, and all is well when there is room again."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, formatEvent

from netforge.plugin import QuotaExceeded
from tests.shared.files.conftest import Shelf, done, make_store

MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def told(events: list[LogEvent]) -> list[str]:
    """What the log was told of the disk."""
    return [formatEvent(event).partition(": ")[2] for event in events if "disk" in formatEvent(event)]


@pytest.mark.real
def test_a_full_disk(small_disk: Path, events: list[LogEvent]) -> None:
    shelf = Shelf(make_store("folder", small_disk))
    shelf.put("old", b"x" * (MIB // 2))
    for _ in range(3):
        writing = done(shelf.tree.write("old"))
        with pytest.raises(QuotaExceeded) as error:
            done(writing.write(b"y" * MIB))
        assert error.value.errno == errno.ENOSPC
        with pytest.raises(QuotaExceeded):
            done(writing.commit())
    assert told(events) == ["the disk is full, so nothing can be written"]
    assert shelf.get("old") == b"x" * (MIB // 2)
    assert [path.name for path in (small_disk / "tree").iterdir()] == ["old"]
    shelf.put("new", b"z" * (MIB // 4))
    assert told(events)[1:] == ["the disk has room again"]
    assert shelf.used == MIB // 2 + MIB // 4


STEPS = {
    "the temporary file": ("open", "write"),
    "the content": ("pwrite", "put"),
    "the disk's buffers": ("fsync", "put"),
    "the name": ("rename", "put"),
    "a folder": ("mkdir", "make_folder"),
}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize(("call", "doing"), STEPS.values(), ids=STEPS)
def test_it_may_show_anywhere(
    local: Shelf, monkeypatch: pytest.MonkeyPatch, number: int, call: str, doing: str
) -> None:
    done(local.tree.usage())
    original = getattr(os, call)

    def fail(*args: object, **kwargs: object) -> object:
        if (call == "open" and not isinstance(args[1], int)) or (call == "open" and not int(str(args[1])) & os.O_CREAT):
            return original(*args, **kwargs)
        raise OSError(number, "no room")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(QuotaExceeded) as error:
        local.put("a", b"a") if doing == "put" else done(getattr(local.tree, doing)("a"))
    assert error.value.errno == number
    monkeypatch.undo()
    assert local.used == 0
    assert local.names() == []
    local.put("a", b"a")


def test_an_own_quota_is_not_told_of(local: Shelf, events: list[LogEvent]) -> None:
    writing = done(local.limited(0).write("a"))
    with pytest.raises(QuotaExceeded):
        done(writing.write(b"a"))
    done(writing.abort())
    assert told(events) == []
