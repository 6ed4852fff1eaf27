"""Every engine does what a model does, whatever is asked of it in whatever order."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from netforge.plugin import IWriting, QuotaExceeded
from netforge.shared.files.tree import FileTree
from tests.shared.files.conftest import Shelf, done, make_store

QUOTA = 12

NAMES = st.sampled_from("ab")
PATHS = st.lists(NAMES, max_size=3).map("/".join)
CONTENT = st.binary(max_size=4)


class Model:
    """Bytes for a file, ``None`` for a folder, by path; and the room that is left."""

    def __init__(self) -> None:
        self.nodes: dict[str, bytes | None] = {"": None}
        self.reserved = 0

    @property
    def used(self) -> int:
        return sum(len(node) for node in self.nodes.values() if node is not None)

    def inside(self, path: str) -> list[str]:
        return [one for one in self.nodes if one and one.startswith(f"{path}/" if path else "")]

    def walk(self, path: str) -> None:
        names = path.split("/")
        for count in range(1, len(names)):
            parent = "/".join(names[:count])
            if parent not in self.nodes:
                raise FileNotFoundError
            if self.nodes[parent] is not None:
                raise NotADirectoryError

    def get(self, path: str) -> bytes | None:
        self.walk(path)
        if path not in self.nodes:
            raise FileNotFoundError
        return self.nodes[path]

    def file(self, path: str) -> bytes:
        if not path or (content := self.get(path)) is None:
            raise IsADirectoryError
        return content

    def list(self, path: str) -> Sequence[tuple[str, bool, int]]:
        if self.get(path) is not None:
            raise NotADirectoryError
        begin = len(path) + 1 if path else 0
        children = sorted(one for one in self.inside(path) if "/" not in one[begin:])
        return [(one[begin:], self.nodes[one] is None, len(self.nodes[one] or b"")) for one in children]

    def make_folder(self, path: str) -> None:
        if not path:
            raise FileExistsError
        self.walk(path)
        if path in self.nodes:
            raise FileExistsError
        self.nodes[path] = None

    def remove(self, path: str) -> None:
        if not path:
            raise IsADirectoryError
        if self.get(path) is None and self.inside(path):
            raise OSError(errno.ENOTEMPTY, "")
        del self.nodes[path]

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        if not old or not new:
            raise IsADirectoryError
        self.walk(old)
        self.walk(new)
        node = self.get(old)
        if new in self.nodes:
            if not replace:
                raise FileExistsError
            if self.nodes[new] is None:
                raise IsADirectoryError
            if node is None:
                raise NotADirectoryError
        if new.startswith(f"{old}/"):
            raise PermissionError
        moved = {one: self.nodes.pop(one) for one in [old, *(self.inside(old) if node is None else [])]}
        self.nodes |= {new + one.removeprefix(old): content for one, content in moved.items()}

    def reserve(self, size: int) -> None:
        if size > 0 and self.used + self.reserved + size > QUOTA:
            raise QuotaExceeded
        self.reserved += size

    def begin(self, path: str, *, keep: bool) -> bytes:
        """The content that a file begins with."""
        if not path:
            raise IsADirectoryError
        self.walk(path)
        if path not in self.nodes:
            return b""
        content = self.file(path) if keep else self.file(path)[:0]
        self.reserve(len(content))
        return content


@dataclass
class Open:
    """A file that is being written, and what the model knows of it."""

    path: str
    writing: IWriting
    content: bytes
    exclusive: bool
    broken: bool = False


def outcome(call: Callable[[], Any]) -> Any:
    """What it returns, or which error it raises."""
    try:
        return call()
    except OSError as error:
        return (type(error), error.errno) if type(error) is OSError else type(error)


class Machine(RuleBasedStateMachine):
    """A tree and the model of it. Of files that are being written there is at most one."""

    engine: str

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.shelf = Shelf(make_store(self.engine, self.folder), QUOTA)
        self.tree: FileTree = self.shelf.tree
        self.model = Model()
        self.open: Open | None = None

    def teardown(self) -> None:
        if self.open is not None:
            done(self.open.writing.abort())
        shutil.rmtree(self.folder)

    def both(self, real: Callable[[], Any], model: Callable[[], Any]) -> Any:
        result = outcome(model)
        assert outcome(real) == result
        return result

    @rule(path=PATHS)
    def info(self, path: str) -> None:
        def real() -> tuple[bool, int]:
            info = done(self.tree.info(path))
            assert info.name == path.rpartition("/")[2]
            return info.folder, info.size

        def model() -> tuple[bool, int]:
            content = self.model.get(path)
            return content is None, len(content or b"")

        self.both(real, model)

    @rule(path=PATHS)
    def read(self, path: str) -> None:
        self.both(lambda: self.shelf.get(path), lambda: self.model.file(path))

    @rule(path=PATHS)
    def list(self, path: str) -> None:
        def real() -> Sequence[tuple[str, bool, int]]:
            return [(info.name, info.folder, info.size) for info in done(self.tree.list(path))]

        self.both(real, lambda: self.model.list(path))

    @rule(path=PATHS)
    def make_folder(self, path: str) -> None:
        self.both(lambda: done(self.tree.make_folder(path)), lambda: self.model.make_folder(path))

    # A folder in which something is written differs from one engine to the other; test_tree has that.
    @precondition(lambda self: self.open is None)
    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        self.both(lambda: done(self.tree.remove(path)), lambda: self.model.remove(path))

    @precondition(lambda self: self.open is None)
    @rule(old=PATHS, new=PATHS, replace=st.booleans())
    def rename(self, old: str, new: str, replace: bool) -> None:
        self.both(
            lambda: done(self.tree.rename(old, new, replace=replace)),
            lambda: self.model.rename(old, new, replace=replace),
        )

    @precondition(lambda self: self.open is None)
    @rule(path=PATHS, exclusive=st.booleans(), keep=st.booleans())
    def begin(self, path: str, exclusive: bool, keep: bool) -> None:
        opened: list[IWriting] = []

        def real() -> None:
            opened.append(done(self.tree.write(path, exclusive=exclusive, keep=keep)))

        content: list[bytes] = []
        self.both(real, lambda: content.append(self.model.begin(path, keep=keep)))
        if opened:
            self.open = Open(path, opened[0], content[0], exclusive)

    @precondition(lambda self: self.open is not None and not self.open.broken)
    @rule(data=CONTENT, offset=st.integers(0, 6))
    def write(self, data: bytes, offset: int) -> None:
        assert self.open is not None
        one, end = self.open, offset + len(data)

        def model() -> None:
            if data:
                self.model.reserve(max(0, end - len(one.content)))
                padded = one.content.ljust(end, b"\0")
                one.content = padded[:offset] + data + padded[end:]

        result = self.both(lambda: done(one.writing.write(data, offset)), model)
        one.broken = result is not None

    @precondition(lambda self: self.open is not None and not self.open.broken)
    @rule(size=st.integers(0, 8))
    def truncate(self, size: int) -> None:
        assert self.open is not None
        one = self.open

        def model() -> None:
            self.model.reserve(size - len(one.content))
            one.content = one.content[:size].ljust(size, b"\0")

        result = self.both(lambda: done(one.writing.truncate(size)), model)
        one.broken = result is not None

    @precondition(lambda self: self.open is not None)
    @rule()
    def commit(self) -> None:
        assert self.open is not None
        one, self.open = self.open, None
        self.model.reserved = 0

        def model() -> int:
            if one.broken:
                raise QuotaExceeded
            if one.path in self.model.nodes:
                if one.exclusive:
                    raise FileExistsError
                self.model.file(one.path)
            self.model.nodes[one.path] = one.content
            return len(one.content)

        self.both(lambda: done(one.writing.commit()).size, model)

    @precondition(lambda self: self.open is not None)
    @rule()
    def abort(self) -> None:
        assert self.open is not None
        one, self.open = self.open, None
        self.model.reserved = 0
        done(one.writing.abort())

    @invariant()
    def the_count_is_right(self) -> None:
        assert done(self.tree.usage()) == (self.model.used, QUOTA)

    @invariant()
    def the_room_is_right(self) -> None:
        assert self.shelf.workplace.store.room._reserved == self.model.reserved

    @invariant()
    def everything_is_there(self) -> None:
        for path, content in self.model.nodes.items():
            if content is not None:
                assert self.shelf.get(path) == content


@pytest.mark.parametrize("name", ["folder", "memory", "remote"])
def test_it_does_what_the_model_does(name: str) -> None:
    class OfEngine(Machine):
        engine = name

    OfEngine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
    OfEngine.TestCase().runTest()
