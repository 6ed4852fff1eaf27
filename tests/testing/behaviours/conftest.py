"""Each behaviour is tried in both worlds, and those of streams over TCP and over UNIX sockets."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from inspect import iscoroutinefunction, signature
from pathlib import Path
from typing import cast

import pytest
from twisted.logger import LogEvent

from tests.reactors import fresh_reactors
from tests.testing.behaviours.streams import TCP, UNIX, Stream
from tests.testing.behaviours.worlds import RealWorld, SimulatedWorld, World


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests here are coroutines, which the world runs."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    # What only fixtures use is among the funcargs, too.
    arguments = {name: pyfuncitem.funcargs[name] for name in signature(pyfuncitem.obj).parameters}
    cast(World, pyfuncitem.funcargs["world"]).run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.real), "simulated"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, events: list[LogEvent], reactor_name: str | None
) -> Iterator[World]:
    """Both worlds in turn. What a test does not flush from the log must not be there."""
    with fresh_reactors(reactor_name or "epoll") as make:
        made = RealWorld(tmp_path, events, make()) if request.param == "real" else SimulatedWorld(tmp_path, events)
        yield made
        made.close()
    assert not made.flush(), "was logged"


@pytest.fixture(params=[TCP, UNIX], ids=["tcp", "unix"])
def stream(request: pytest.FixtureRequest, world: World) -> Stream:
    """Both kinds of streams in turn."""
    made: Stream = request.param(world)
    return made


@pytest.fixture
def collected() -> Iterator[None]:
    """Has the sockets collected that Twisted forgets to close when something fails; see ``forgets_a_socket``."""
    yield
    gc.collect()
