"""What differs behind fsspec."""

from __future__ import annotations

import errno
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netforge.shared.files.remote import Remote, _info
from tests.shared.files.conftest import Shelf, done, make_store


@pytest.fixture
def remote(tmp_path: Path) -> Shelf:
    return Shelf(make_store("remote", tmp_path))


def test_who_reads_is_told_that_the_file_has_changed(remote: Shelf) -> None:
    remote.put("a", b"first")
    reading = done(remote.tree.read("a"))
    assert done(reading.read(2)) == b"fi"
    remote.put("a", b"other")
    with pytest.raises(OSError) as error:
        done(reading.read(2))
    assert error.value.errno == errno.ESTALE
    done(remote.tree.remove("a"))
    with pytest.raises(FileNotFoundError):
        done(reading.read(2))
    assert done(reading.read(2, 5)) == b""
    done(reading.close())


def test_without_fsspec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ValueError, match=r"s3://bucket needs fsspec: pip install 'netforge\[fsspec\]'"):
        Remote("s3://bucket")


def test_what_is_neither_file_nor_folder_is_refused(remote: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.put("a", b"hello")
    store = remote.workplace.store
    assert isinstance(store, Remote)
    details = {**store.details(["a"]), "type": "link"}
    monkeypatch.setattr(store.system, "info", lambda path: {"type": "directory"} if path == store.path([]) else details)
    monkeypatch.setattr(store.system, "ls", lambda path, detail: [details])
    assert remote.names() == []
    with pytest.raises(PermissionError):
        done(remote.tree.read("a"))


@pytest.mark.parametrize(
    ("told", "modified", "version"),
    [
        ({"mtime": 1.5, "created": 9}, 1.5, "0x1.8000000000000p+0-3"),
        ({"LastModified": datetime(1970, 1, 2, tzinfo=UTC), "ETag": '"abc"'}, 86_400.0, "abc-3"),
        ({}, 0.0, "0x0.0p+0-3"),
    ],
)
def test_back_ends_tell_of_changes_in_their_own_ways(told: dict[str, object], modified: float, version: str) -> None:
    info = _info("a", {"type": "file", "size": 3, **told})
    assert (info.modified, info.version) == (modified, version)
