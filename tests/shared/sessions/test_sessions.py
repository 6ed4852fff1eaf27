"""Sessions: the same for every engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from zope.interface.verify import verifyObject

from netforge.plugin import IDatabase, ISessions
from netforge.shared.sessions.indatabase import SWEEP, SWEEP_INTERVAL
from netforge.shared.sessions.tables import values
from netforge.testing import Network
from tests.shared.conftest import RunComponents
from tests.shared.sessions.conftest import Keeping


def test_it_keeps_sessions(keeping: Keeping) -> None:
    assert verifyObject(ISessions, keeping.sessions)


def test_a_value_is_kept_until_it_is_replaced_or_deleted(keeping: Keeping) -> None:
    assert keeping.get("web:a") is None
    keeping.put("web:a", b"\x00\xff")
    keeping.put("web:b", b"")
    assert (keeping.get("web:a"), keeping.get("web:b")) == (b"\x00\xff", b"")
    keeping.put("web:a", b"2")
    assert keeping.get("web:a") == b"2"
    assert keeping.delete("web:a")
    assert not keeping.delete("web:a")
    assert (keeping.get("web:a"), keeping.get("web:b")) == (None, b"")


def test_a_value_expires(keeping: Keeping) -> None:
    keeping.put("a", b"1", 10)
    keeping.wait(9.5)
    assert keeping.get("a") == b"1"
    keeping.wait(0.5)
    assert keeping.get("a") is None
    assert not keeping.touch("a")
    assert not keeping.delete("a")


def test_a_touch_lengthens_and_shortens_a_life(keeping: Keeping) -> None:
    assert not keeping.touch("a")
    keeping.put("a", b"1", 10)
    keeping.wait(5)
    assert keeping.touch("a", 10)
    keeping.wait(9)
    assert keeping.get("a") == b"1"
    assert keeping.touch("a", 0.25)
    keeping.wait(0.5)
    assert keeping.get("a") is None


def test_what_replaces_a_value_has_a_life_of_its_own(keeping: Keeping) -> None:
    keeping.put("a", b"1", 10)
    keeping.put("a", b"2", 5)
    keeping.wait(5)
    assert keeping.get("a") is None
    keeping.put("a", b"3", 10)
    keeping.wait(9)
    assert keeping.get("a") == b"3"


@pytest.mark.parametrize("key", ["a" * 255, "ключ", "a b", "%_'\"", "😀" * 255])
def test_keys_are_what_they_are(keeping: Keeping, key: str) -> None:
    keeping.put(key, b"1")
    keeping.put(key.upper() + "x" if len(key) < 255 else key[:-1], b"2")
    assert keeping.get(key) == b"1"
    assert keeping.touch(key)
    assert keeping.delete(key)


@pytest.mark.parametrize("key", ["", "a" * 256, "a\x00b", "a\nb", "\ud800"])
def test_what_can_be_no_key_is_refused_and_not_found(keeping: Keeping, key: str) -> None:
    with pytest.raises(ValueError, match="a key has 1 to 255 printable characters"):
        keeping.put(key, b"1")
    assert keeping.get(key) is None
    assert not keeping.touch(key)
    assert not keeping.delete(key)


def test_a_value_has_at_most_one_mebibyte(keeping: Keeping) -> None:
    keeping.put("a", bytes(1024 * 1024))
    with pytest.raises(ValueError, match="at most 1048576 bytes, not 1048577"):
        keeping.put("a", bytes(1024 * 1024 + 1))
    assert keeping.get("a") == bytes(1024 * 1024)


def test_a_reload_forgets_nothing(keeping: Keeping) -> None:
    keeping.put("a", b"1")
    settings = keeping.components.settings
    change = keeping.components.reload(settings.replace("[shared.sessions]", "[shared.sessions]\nmemory = 3_000_000"))
    assert "sessions" in change.replaced
    assert keeping.get("a") == b"1"
    keeping.put("b", b"2")
    assert keeping.get("b") == b"2"


KEYS = st.sampled_from("abcd")
LIVES = st.sampled_from([0, 0.5, 1, 2, 60])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=3), LIVES),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("touch"), KEYS, LIVES),
    st.tuples(st.just("wait"), st.sampled_from([0.25, 0.5, 1, 61])),
)


class Model:
    """Sessions in the fewest words."""

    def __init__(self, keeping: Keeping) -> None:
        self.keeping = keeping
        self.kept: dict[str, tuple[bytes, float]] = {}

    def get(self, key: str) -> bytes | None:
        value, expires = self.kept.get(key, (b"", 0))
        return value if expires > self.keeping.now else None

    def put(self, key: str, value: bytes, lifetime: float) -> None:
        self.kept[key] = value, self.keeping.now + lifetime

    def delete(self, key: str) -> bool:
        found = self.get(key) is not None
        self.kept.pop(key, None)
        return found

    def touch(self, key: str, lifetime: float) -> bool:
        value = self.get(key)
        if value is not None:
            self.put(key, value, lifetime)
        return value is not None

    def wait(self, seconds: float) -> None:
        """Time passes where the sessions are."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(STEPS, max_size=30))
def test_it_does_what_the_model_does(keeping: Keeping, steps: list[tuple[Any, ...]]) -> None:
    model = Model(keeping)
    for key in "abcd":
        keeping.delete(key)
    for name, *arguments in steps:
        expected = getattr(model, name)(*arguments)
        assert getattr(keeping, name)(*arguments) == expected


def test_the_database_is_swept(components: RunComponents, network: Network, database_settings: str) -> None:
    settings = f'[shared.sessions]\nengine = "database"\n{database_settings}'
    keeping = Keeping(components(settings, ISessions, IDatabase), network)
    database: Any = keeping.components[IDatabase]

    def run(statement: Any) -> Any:
        return keeping.do(lambda: database.run(lambda connection: connection.execute(statement).fetchall()))

    old = [{"key": str(number), "value": b"", "expires": 1.0} for number in range(2 * SWEEP + 1)]
    run(values.insert().values(old).returning(values.c.key))
    keeping.put("new", b"1", 2 * SWEEP_INTERVAL)
    keeping.wait(SWEEP_INTERVAL)
    assert run(select(values.c.key)) == [("new",)]
    keeping.wait(2 * SWEEP_INTERVAL)
    assert run(select(values.c.key)) == []
    keeping.components.lab.stop()
    assert keeping.components.lab.machine.reactor.getDelayedCalls() == []


def test_a_reload_may_leave_less_room(components: RunComponents, network: Network) -> None:
    keeping = Keeping(components("", ISessions), network)
    for key in "abc":
        keeping.put(key, bytes(1_000_000))
    keeping.components.reload("[shared.sessions]\nmemory = 2_100_000")
    assert [keeping.get(key) is None for key in "abc"] == [True, False, False]
