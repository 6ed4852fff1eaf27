"""Sessions in memory: what is forgotten when there is no room."""

from __future__ import annotations

import tracemalloc
from collections import OrderedDict
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from netforge.shared.sessions.memory import OVERHEAD, SWEEP, MemorySessions

SMALL = OVERHEAD + 2


class Shelf:
    """Sessions with little room, at once."""

    def __init__(self, room: int) -> None:
        self.clock = Clock()
        self.sessions = MemorySessions(cast(IReactorTime, self.clock), room)

    def __getattr__(self, name: str) -> Any:
        def do(*arguments: Any) -> Any:
            results: list[Any] = []
            getattr(self.sessions, name)(*arguments).addBoth(results.append)
            return results[0]

        return do

    @property
    def kept(self) -> str:
        """The keys that have a value. Asking uses them, so ask last."""
        return "".join(key for key in "abcdef" if self.get(key) is not None)


def test_the_least_recently_used_go_first() -> None:
    shelf = Shelf(3 * SMALL)
    for key in "abc":
        shelf.put(key, b"1", 60)
    shelf.get("a")
    shelf.touch("b", 60)
    shelf.put("d", b"1", 60)
    assert shelf.kept == "abd"


def test_to_replace_a_value_is_to_use_it() -> None:
    shelf = Shelf(2 * SMALL)
    for key in "aba":
        shelf.put(key, b"1", 60)
    shelf.put("c", b"1", 60)
    assert shelf.kept == "ac"


def test_what_has_expired_goes_before_what_has_not() -> None:
    shelf = Shelf(3 * SMALL)
    shelf.put("a", b"1", 60)
    shelf.put("b", b"1", 1)
    shelf.put("c", b"1", 60)
    shelf.clock.advance(1)
    shelf.put("d", b"1", 60)
    assert shelf.kept == "acd"


def test_so_it_does_where_more_has_expired_than_is_forgotten_in_passing() -> None:
    many = [f"{number:02}" for number in range(3 * SWEEP)]
    shelf = Shelf((1 + len(many)) * (SMALL + 1))
    shelf.put("a", b"1", 60)
    for key in many:
        shelf.put(key, b"1", 1)
    shelf.clock.advance(1)
    assert shelf.get(many[-1]) is None
    shelf.put("b", bytes(SMALL * 2 * SWEEP), 60)
    assert shelf.kept == "ab"


def test_a_large_value_takes_the_place_of_many() -> None:
    shelf = Shelf(4 * SMALL)
    for key in "abcd":
        shelf.put(key, b"1", 60)
    shelf.put("e", bytes(2 * SMALL), 60)
    assert shelf.kept == "de"


def test_less_room_makes_what_is_too_much_go() -> None:
    shelf = Shelf(4 * SMALL)
    for key in "abcd":
        shelf.put(key, b"1", 60)
    shelf.sessions.resize(2 * SMALL)
    assert shelf.kept == "cd"


def test_what_has_expired_is_forgotten_in_passing_a_few_at_a_time() -> None:
    shelf = Shelf(10_000_000)
    for number in range(2 * SWEEP):
        shelf.put(str(number), b"1", 1)
    shelf.clock.advance(1)
    shelf.get("a")
    assert len(shelf.sessions) == SWEEP
    shelf.get("a")
    assert (len(shelf.sessions), shelf.sessions.used) == (0, 0)


def test_touching_for_ever_takes_no_memory() -> None:
    shelf = Shelf(10_000_000)
    shelf.put("a", b"1", 3600)
    tracemalloc.start()
    for _ in range(10_000):
        shelf.touch("a", 3600)
        shelf.put("b", b"1", 3600)
        shelf.delete("b")
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 10_000


def test_they_take_no_more_memory_than_they_say() -> None:
    shelf = Shelf(10_000_000)
    tracemalloc.start()
    for number in range(20_000):
        shelf.put(f"web:{number:032}", b"%064d" % number, 3600 + number)
    for number in range(20_000):
        shelf.touch(f"web:{number:032}", 3600 + number)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.5 < taken / shelf.sessions.used < 1.1, taken


STEPS = st.one_of(
    st.tuples(
        st.just("put"),
        st.sampled_from("abcdef"),
        st.sampled_from([b"", bytes(SMALL), bytes(2 * SMALL)]),
        st.sampled_from([1, 2, 60]),
    ),
    st.tuples(st.just("get"), st.sampled_from("abcdef")),
    st.tuples(st.just("touch"), st.sampled_from("abcdef"), st.sampled_from([1, 2, 60])),
    st.tuples(st.just("delete"), st.sampled_from("abcdef")),
    st.tuples(st.just("advance"), st.sampled_from([0.5, 1, 2])),
)


class Model:
    """The values that are alive, the least recently used first."""

    def __init__(self, room: int) -> None:
        self.now = 0.0
        self.room = room
        self.alive: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for key in [key for key, (_, expires) in self.alive.items() if expires <= self.now]:
            del self.alive[key]

    def put(self, key: str, value: bytes, lifetime: float) -> None:
        self.alive[key] = value, self.now + lifetime
        self.alive.move_to_end(key)
        while sum(len(value) + 1 + OVERHEAD for value, _ in self.alive.values()) > self.room:
            self.alive.popitem(last=False)

    def get(self, key: str) -> bytes | None:
        if key not in self.alive:
            return None
        self.alive.move_to_end(key)
        return self.alive[key][0]

    def touch(self, key: str, lifetime: float) -> bool:
        if key not in self.alive:
            return False
        self.put(key, self.alive[key][0], lifetime)
        return True

    def delete(self, key: str) -> bool:
        return self.alive.pop(key, None) is not None


@given(st.lists(STEPS, max_size=40))
def test_it_forgets_what_the_model_forgets(steps: list[tuple[Any, ...]]) -> None:
    shelf, model = Shelf(5 * SMALL), Model(5 * SMALL)
    for name, *arguments in steps:
        expected = getattr(model, name)(*arguments)
        if name == "advance":
            shelf.clock.advance(*arguments)
        else:
            assert getattr(shelf, name)(*arguments) == expected
        assert shelf.sessions.used <= 5 * SMALL
    for key in "abcdef":
        assert shelf.get(key) == model.get(key)
