"""What can be set on a TCP connection."""

from __future__ import annotations

import pytest

from tests.testing.behaviours.streams import TCP
from tests.testing.behaviours.worlds import World


@pytest.mark.parametrize("option", ["TcpNoDelay", "TcpKeepAlive"])
async def test_options_are_remembered_by_each_end(world: World, option: str) -> None:
    server, client = await TCP(world).pair()
    get, put = (getattr(client.transport, verb + option) for verb in ("get", "set"))
    before = get()
    put(not before)
    assert get() is not before
    assert getattr(server.transport, "get" + option)() is before
    put(int(before))
    assert get() is before


async def test_small_writes_arrive_with_and_without_delay(world: World) -> None:
    server, client = await TCP(world).pair()
    for delay in (True, False):
        client.transport.setTcpNoDelay(delay)
        for _ in range(50):
            client.transport.write(b"x")
    assert await server.received(100) == b"x" * 100
