"""What holds of every tree, whatever it is in."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from netforge.plugin import IFileTree, IReading, IWriting, QuotaExceeded
from tests.shared.files.conftest import Shelf, done

MIB = 1024 * 1024


def test_it_provides_its_interfaces(shelf: Shelf) -> None:
    assert verifyObject(IFileTree, shelf.tree)
    writing = done(shelf.tree.write("a"))
    assert verifyObject(IWriting, writing)
    done(writing.commit())
    reading = done(shelf.tree.read("a"))
    assert verifyObject(IReading, reading)
    done(reading.close())


def test_what_was_written_is_read(shelf: Shelf) -> None:
    info = shelf.put("a", b"hello")
    assert (info.name, info.folder, info.size) == ("a", False, 5)
    assert shelf.get("a") == b"hello"
    assert done(shelf.tree.info("a")) == info
    assert done(shelf.tree.list("")) == [info]


def test_a_large_file_is_read_in_pieces(shelf: Shelf) -> None:
    content = bytes(range(256)) * 2500
    shelf.put("a", content)
    reading = done(shelf.tree.read("a"))
    assert [len(done(reading.read(MIB))) for _ in range(4)] == [262_144, 262_144, 640_000 - 2 * 262_144, 0]
    assert done(reading.read(3, 1)) == b"\1\2\3"
    assert done(reading.read(2)) == b"\4\5"
    assert done(reading.read(2, 640_000)) == b""
    done(reading.close())


def test_paths_are_relative_to_the_root(shelf: Shelf) -> None:
    done(shelf.tree.make_folder("/sub/"))
    shelf.put("//sub/./a", b"hello")
    assert shelf.get("sub/a") == b"hello"
    assert shelf.names("/") == ["sub"]
    assert shelf.names("sub") == ["a"]


def test_folders(shelf: Shelf) -> None:
    done(shelf.tree.make_folder("sub"))
    root, sub = done(shelf.tree.info("")), done(shelf.tree.info("sub"))
    assert (root.name, root.folder, root.size) == ("", True, 0)
    assert (sub.name, sub.folder, sub.size) == ("sub", True, 0)
    assert shelf.names("sub") == []


def test_a_list_is_in_order(shelf: Shelf) -> None:
    for name in ("b", "A", "c"):
        shelf.put(name, b"")
    done(shelf.tree.make_folder("a"))
    assert shelf.names() == ["A", "a", "b", "c"]


WRONG: list[tuple[str, Callable[[IFileTree], Deferred[Any]], type[OSError]]] = [
    ("info of nothing", lambda tree: tree.info("none"), FileNotFoundError),
    ("info in nothing", lambda tree: tree.info("none/a"), FileNotFoundError),
    ("info in a file", lambda tree: tree.info("file/a"), NotADirectoryError),
    ("list of nothing", lambda tree: tree.list("none"), FileNotFoundError),
    ("list of a file", lambda tree: tree.list("file"), NotADirectoryError),
    ("read of nothing", lambda tree: tree.read("none"), FileNotFoundError),
    ("read of a folder", lambda tree: tree.read("full"), IsADirectoryError),
    ("read of the root", lambda tree: tree.read(""), IsADirectoryError),
    ("read in a file", lambda tree: tree.read("file/a"), NotADirectoryError),
    ("write of a folder", lambda tree: tree.write("full"), IsADirectoryError),
    ("write of the root", lambda tree: tree.write("/"), IsADirectoryError),
    ("write in nothing", lambda tree: tree.write("none/a"), FileNotFoundError),
    ("write in a file", lambda tree: tree.write("file/a"), NotADirectoryError),
    ("a folder that is there", lambda tree: tree.make_folder("full"), FileExistsError),
    ("a folder that is a file", lambda tree: tree.make_folder("file"), FileExistsError),
    ("a folder that is the root", lambda tree: tree.make_folder(""), FileExistsError),
    ("a folder in nothing", lambda tree: tree.make_folder("none/a"), FileNotFoundError),
    ("a folder in a file", lambda tree: tree.make_folder("file/a"), NotADirectoryError),
    ("remove nothing", lambda tree: tree.remove("none"), FileNotFoundError),
    ("remove in a file", lambda tree: tree.remove("file/a"), NotADirectoryError),
    ("remove the root", lambda tree: tree.remove(""), IsADirectoryError),
    ("rename nothing", lambda tree: tree.rename("none", "new"), FileNotFoundError),
    ("rename the root", lambda tree: tree.rename("", "new"), IsADirectoryError),
    ("rename to the root", lambda tree: tree.rename("file", ""), IsADirectoryError),
    ("rename into nothing", lambda tree: tree.rename("file", "none/a"), FileNotFoundError),
    ("rename into a file", lambda tree: tree.rename("full", "file/a"), NotADirectoryError),
    ("rename onto a file", lambda tree: tree.rename("full/a", "file"), FileExistsError),
    ("rename onto itself", lambda tree: tree.rename("file", "file"), FileExistsError),
    ("rename onto a folder", lambda tree: tree.rename("file", "empty"), FileExistsError),
    ("replace a folder", lambda tree: tree.rename("file", "empty", replace=True), IsADirectoryError),
    ("replace a folder by one", lambda tree: tree.rename("full", "empty", replace=True), IsADirectoryError),
    ("replace a file by a folder", lambda tree: tree.rename("full", "file", replace=True), NotADirectoryError),
    ("a folder into itself", lambda tree: tree.rename("full", "full/sub"), PermissionError),
    ("up", lambda tree: tree.info("../tree"), PermissionError),
    ("up and down", lambda tree: tree.write("full/../file"), PermissionError),
    ("only up", lambda tree: tree.list(".."), PermissionError),
    ("rename up", lambda tree: tree.rename("file", "../file"), PermissionError),
    ("a reserved name", lambda tree: tree.write(".netforge-part-1"), PermissionError),
    ("a folder of a reserved name", lambda tree: tree.make_folder(".netforge-part-1"), PermissionError),
]


@pytest.mark.parametrize(("call", "error"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_is_wrong_changes_nothing(
    shelf: Shelf, call: Callable[[IFileTree], Deferred[Any]], error: type[OSError]
) -> None:
    done(shelf.tree.make_folder("full"))
    done(shelf.tree.make_folder("empty"))
    shelf.put("full/a", b"a")
    shelf.put("file", b"file")
    with pytest.raises(error):
        done(call(shelf.tree))
    assert shelf.names() == ["empty", "file", "full"]
    assert (shelf.names("full"), shelf.get("file"), shelf.get("full/a")) == (["a"], b"file", b"a")
    assert shelf.used == 5


def test_a_folder_that_is_not_empty_stays(shelf: Shelf) -> None:
    done(shelf.tree.make_folder("sub"))
    shelf.put("sub/a", b"a")
    with pytest.raises(OSError) as error:
        done(shelf.tree.remove("sub"))
    assert error.value.errno == errno.ENOTEMPTY
    done(shelf.tree.remove("sub/a"))
    done(shelf.tree.remove("sub"))
    assert shelf.names() == []


@pytest.mark.parametrize("path", ["a\0b", "\0", "sub/\ud800"])
def test_no_file_can_have_such_a_name(shelf: Shelf, path: str) -> None:
    with pytest.raises(ValueError):
        done(shelf.tree.write(path))


@pytest.mark.parametrize("path", ["a" * 256, "ä" * 128, "/".join(["a"] * 2049)])
def test_names_and_paths_are_bounded(shelf: Shelf, path: str) -> None:
    with pytest.raises(OSError) as error:
        done(shelf.tree.write(path))
    assert error.value.errno == errno.ENAMETOOLONG


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "a b", "\udcff\udcfe", "-rf", "a\nb", "*", "C:", "a\\b", "~"])
def test_names_may_have_everything_else(shelf: Shelf, name: str) -> None:
    shelf.put(name, b"hello")
    assert shelf.names() == [name]
    assert shelf.get(name) == b"hello"
    done(shelf.tree.remove(name))
    assert shelf.names() == []


def test_nobody_sees_a_file_before_its_commit(shelf: Shelf) -> None:
    writing = done(shelf.tree.write("a"))
    done(writing.write(b"new"))
    assert shelf.names() == []
    with pytest.raises(FileNotFoundError):
        done(shelf.tree.read("a"))
    done(writing.commit())
    assert shelf.get("a") == b"new"


def test_an_old_file_is_there_until_the_new_one_is(shelf: Shelf) -> None:
    old = shelf.put("a", b"old")
    writing = done(shelf.tree.write("a"))
    done(writing.write(b"new"))
    assert shelf.get("a") == b"old"
    new = done(writing.commit())
    assert shelf.get("a") == b"new"
    assert new.version != old.version


def test_what_is_aborted_was_never_there(shelf: Shelf) -> None:
    shelf.put("a", b"old")
    writing = done(shelf.tree.write("a"))
    done(writing.write(b"new"))
    done(writing.abort())
    done(writing.abort())
    assert (shelf.names(), shelf.get("a"), shelf.used) == (["a"], b"old", 3)
    with pytest.raises(ValueError, match="the file is closed"):
        done(writing.write(b"more"))
    with pytest.raises(ValueError, match="the file is closed"):
        done(writing.commit())


def test_to_abort_after_the_commit_does_nothing(shelf: Shelf) -> None:
    writing = done(shelf.tree.write("a"))
    done(writing.commit())
    done(writing.abort())
    assert shelf.names() == ["a"]
    with pytest.raises(ValueError, match="the file is closed"):
        done(writing.commit())


def test_a_file_can_be_written_anywhere(shelf: Shelf) -> None:
    writing = done(shelf.tree.write("a"))
    done(writing.write(b"world", 6))
    done(writing.write(b"!"))
    done(writing.write(b"hello", 0))
    done(writing.truncate(20))
    done(writing.truncate(12))
    info = done(writing.commit())
    assert shelf.get("a") == b"hello\0world!"
    assert info.size == shelf.used == 12


def test_a_file_can_be_kept_and_changed(shelf: Shelf) -> None:
    shelf.put("a", b"x" * 300_000)
    writing = done(shelf.tree.write("a", keep=True))
    done(writing.write(b"end"))
    done(writing.write(b"begin", 0))
    done(writing.commit())
    assert shelf.get("a") == b"begin" + b"x" * 299_995 + b"end"
    assert shelf.used == 300_003


def test_what_is_not_there_is_kept_as_nothing(shelf: Shelf) -> None:
    shelf.put("a", b"new", keep=True)
    assert shelf.get("a") == b"new"


def test_who_is_exclusive_replaces_nothing(shelf: Shelf) -> None:
    first, second = done(shelf.tree.write("a", exclusive=True)), done(shelf.tree.write("a", exclusive=True))
    done(first.write(b"first"))
    done(second.write(b"second!"))
    done(first.commit())
    with pytest.raises(FileExistsError):
        done(second.commit())
    with pytest.raises(ValueError, match="the file is closed"):
        done(second.commit())
    assert (shelf.names(), shelf.get("a"), shelf.used) == (["a"], b"first", 5)


def test_a_commit_does_not_replace_a_folder(shelf: Shelf) -> None:
    writing = done(shelf.tree.write("a"))
    done(shelf.tree.make_folder("a"))
    with pytest.raises(IsADirectoryError):
        done(writing.commit())
    assert done(shelf.tree.info("a")).folder


def test_every_version_is_another(shelf: Shelf) -> None:
    versions = set()
    for number in range(50):
        versions.add(shelf.put("a", b"same").version)
        if number % 3 == 0:
            done(shelf.tree.remove("a"))
    assert len(versions) == 50


def test_a_file_keeps_its_version_under_another_name(shelf: Shelf, engine: str) -> None:
    if engine == "remote":
        pytest.skip("a back end may copy it")
    old = shelf.put("a", b"hello")
    done(shelf.tree.rename("a", "b"))
    assert done(shelf.tree.info("b")).version == old.version


def test_rename(shelf: Shelf) -> None:
    shelf.put("a", b"hello")
    done(shelf.tree.make_folder("sub"))
    done(shelf.tree.rename("a", "sub/b"))
    assert (shelf.names(), shelf.names("sub"), shelf.get("sub/b"), shelf.used) == (["sub"], ["b"], b"hello", 5)
    done(shelf.tree.make_folder("sub/empty"))
    done(shelf.tree.rename("sub", "other"))
    assert (shelf.names(), shelf.names("other")) == (["other"], ["b", "empty"])
    assert (shelf.get("other/b"), shelf.names("other/empty"), shelf.used) == (b"hello", [], 5)


def test_rename_may_replace_a_file(shelf: Shelf) -> None:
    shelf.put("a", b"hello")
    shelf.put("b", b"old")
    done(shelf.tree.rename("a", "b", replace=True))
    assert (shelf.names(), shelf.get("b"), shelf.used) == (["b"], b"hello", 5)
    done(shelf.tree.rename("b", "b", replace=True))
    assert (shelf.names(), shelf.get("b"), shelf.used) == (["b"], b"hello", 5)


def test_who_reads_keeps_what_was_opened(shelf: Shelf, engine: str) -> None:
    if engine == "remote":
        pytest.skip("a back end may forget it at once: see test_remote")
    shelf.put("a", b"first")
    shelf.put("b", b"second")
    first, second = done(shelf.tree.read("a")), done(shelf.tree.read("b"))
    shelf.put("a", b"other")
    done(shelf.tree.remove("b"))
    assert (done(first.read(9)), done(second.read(9))) == (b"first", b"second")
    assert (first.info.name, first.info.size) == ("a", 5)
    done(first.close())
    done(second.close())


def test_a_folder_where_a_file_is_written_stays(shelf: Shelf, engine: str) -> None:
    if engine == "remote":
        pytest.skip("what is written is on this computer until the commit")
    done(shelf.tree.make_folder("sub"))
    writing = done(shelf.tree.write("sub/a"))
    with pytest.raises(OSError) as error:
        done(shelf.tree.remove("sub"))
    assert error.value.errno == errno.ENOTEMPTY
    done(shelf.tree.rename("sub", "other"))
    done(writing.commit())
    assert shelf.names("other") == ["a"]


def test_a_closed_file_is_not_read(shelf: Shelf) -> None:
    shelf.put("a", b"hello")
    reading = done(shelf.tree.read("a"))
    done(reading.close())
    done(reading.close())
    with pytest.raises(ValueError, match="the file is closed"):
        done(reading.read(1))


@pytest.mark.parametrize(("size", "offset"), [(-1, None), (1, -1)])
def test_numbers_of_bytes_are_not_negative(shelf: Shelf, size: int, offset: int | None) -> None:
    shelf.put("a", b"hello")
    reading = done(shelf.tree.read("a"))
    with pytest.raises(ValueError, match="expected a number of bytes, found -1"):
        done(reading.read(size, offset))
    done(reading.close())
    writing = done(shelf.tree.write("a"))
    with pytest.raises(ValueError, match="expected a number of bytes, found -1"):
        done(writing.write(b"a", -1))
    with pytest.raises(ValueError, match="expected a number of bytes, found -1"):
        done(writing.truncate(-1))
    done(writing.abort())


def test_a_quota_counts_what_is_there_and_what_is_being_written(shelf: Shelf) -> None:
    tree = shelf.limited(10)
    shelf.put("a", b"12345")
    assert done(tree.usage()) == (5, 10)
    first, second = done(tree.write("b")), done(tree.write("c"))
    done(first.write(b"123"))
    with pytest.raises(QuotaExceeded, match="the files may have 10 bytes, and would have 11"):
        done(second.write(b"123"))
    assert done(tree.usage()) == (5, 10)
    done(first.abort())
    done(second.abort())
    third = done(tree.write("c"))
    done(third.write(b"12345"))
    done(third.commit())
    assert done(tree.usage()) == (10, 10)


def test_a_write_that_failed_is_never_committed(shelf: Shelf) -> None:
    tree = shelf.limited(4)
    writing = done(tree.write("a"))
    done(writing.write(b"1234"))
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            done(writing.write(b"5"))
    with pytest.raises(QuotaExceeded):
        done(writing.write(b"", 0))
    with pytest.raises(QuotaExceeded):
        done(writing.commit())
    assert (shelf.names(), shelf.used) == ([], 0)
    shelf.put("a", b"1234")
    assert done(shelf.limited(4).usage()) == (4, 4)


def test_room_is_given_back(shelf: Shelf) -> None:
    tree = shelf.limited(10)
    shelf.put("a", b"12345")
    writing = done(tree.write("a", keep=True))
    done(writing.truncate(0))
    done(writing.write(b"54321", 0))
    done(writing.commit())
    done(tree.rename("a", "b"))
    done(tree.remove("b"))
    assert done(tree.usage()) == (0, 10)
    writing = done(tree.write("c"))
    done(writing.truncate(10))
    done(writing.commit())
    assert done(tree.usage()) == (10, 10)


def test_who_has_too_much_already_may_write_what_is_empty(shelf: Shelf) -> None:
    shelf.put("a", b"12345")
    writing = done(shelf.limited(4).write("a"))
    done(writing.truncate(0))
    done(writing.commit())
    assert shelf.used == 0


def test_what_is_kept_needs_room_beside_what_is_there(shelf: Shelf) -> None:
    shelf.put("a", b"123456")
    with pytest.raises(QuotaExceeded):
        done(shelf.limited(11).write("a", keep=True))
    assert shelf.used == 6
    done(done(shelf.limited(12).write("a", keep=True)).abort())


def test_what_is_there_is_counted_before_anything_is_written(shelf: Shelf, engine: str) -> None:
    if engine == "memory":
        pytest.skip("nothing but the tree itself could have put it there")
    done(shelf.tree.make_folder("sub"))
    shelf.put("a", b"12345")
    shelf.put("sub/b", b"123")
    shelf.workplace.store.room.used = 0
    again = Shelf(shelf.workplace.store, quota=9)
    writing = done(again.tree.write("c"))
    with pytest.raises(QuotaExceeded):
        done(writing.write(b"12"))
    done(writing.abort())
    assert again.used == 8


def test_who_gives_up_while_it_is_opened_leaves_nothing_open(shelf: Shelf) -> None:
    shelf.put("a", b"hello")
    waiting: list[Deferred[None]] = []
    at_once = shelf.workplace.run

    def later(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Deferred[Any]:
        waiting.append(Deferred())
        return waiting[-1].addCallback(lambda _: at_once(work, *args, **kwargs))

    shelf.workplace.run = later
    for opening in (shelf.tree.read("a"), shelf.tree.write("b")):
        opening.cancel()
        with pytest.raises(CancelledError):
            done(opening)
    while waiting:
        waiting.pop(0).callback(None)
    assert shelf.workplace.store.room._reserved == 0


def test_what_is_asked_is_done_in_order(shelf: Shelf) -> None:
    waiting: list[Deferred[None]] = []
    writing = done(shelf.tree.write("a"))
    at_once = shelf.workplace.run

    def later(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Deferred[Any]:
        waiting.append(Deferred())
        return waiting[-1].addCallback(lambda _: at_once(work, *args, **kwargs))

    shelf.workplace.run = later
    asked = [writing.write(b"he"), writing.write(b"llo"), writing.commit(), writing.abort()]
    asked[1].cancel()
    assert len(waiting) == 1
    while waiting:
        waiting.pop(0).callback(None)
    with pytest.raises(CancelledError):
        done(asked[1])
    assert done(asked[2]).size == 5
