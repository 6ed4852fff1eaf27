"""A big file over real sockets: a reload of one service among fifty loses no connection of the others."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import deferLater

if TYPE_CHECKING:
    from tests.conftest import Drive
    from tests.host.conftest import Stage

pytestmark = pytest.mark.real

SERVICES = 50
CONNECTIONS = 1000
CHANGED = "s17"


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Room for both ends of every connection."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(before[0], 3 * CONNECTIONS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(before[1], wanted)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def settings(changed: str = "") -> str:
    return "\n".join(
        f'[services.s{number}]\nservice = "actor"\nlisten = ["tcp:127.0.0.1:0", "udp:127.0.0.1:0"]\n'
        + (f'variant = "{changed}"\n' if f"s{number}" == CHANGED else "")
        for number in range(SERVICES)
    )


@pytest.mark.usefixtures("many_descriptors")
def test_no_connection_of_an_unchanged_service_is_lost(stage: Stage, drive: Drive) -> None:
    async def scenario(reactor: Any) -> None:
        forge = stage.forge(settings(), reactor)
        forge.startService()
        await forge.when_ready()
        ports = {
            one.name: int(one.address.rpartition(":")[2])
            for one in forge.serving
            if one.address.startswith("tcp") and one.name != CHANGED
        }
        clients: list[tuple[str, socket.socket]] = []
        names = list(ports)
        for number in range(CONNECTIONS):
            name = names[number % len(names)]
            made = socket.create_connection(("127.0.0.1", ports[name]))
            made.setblocking(False)
            clients.append((name, made))
            if number % 50 == 0:
                await deferLater(reactor, 0)
        await echoed(reactor, clients)
        before = set(reactor.getReaders())
        stage.happened()

        stage.text = settings("new")
        begun, worked = perf_counter(), thread_time()
        change = await forge.reload()
        figures = f"{(perf_counter() - begun) * 1000:.1f} ms, {(thread_time() - worked) * 1000:.1f} ms of CPU"
        print(f"reload of 1 of {SERVICES} services with {CONNECTIONS} connections: {figures}")

        assert (change.added, change.replaced, change.removed) == ([], [CHANGED], [])
        assert len(change.kept) == SERVICES - 1
        assert stage.happened() == [
            f"{CHANGED}2 build",
            f"{CHANGED}2 start",
            f"{CHANGED}2 open",
            f"{CHANGED}2 receive",
        ]
        assert set(reactor.getReaders()) == before
        await echoed(reactor, clients)
        for _, made in clients:
            made.close()
        forge.cut()
        await forge.stopService()

    drive(scenario, timeout=60)


async def echoed(reactor: Any, clients: list[tuple[str, socket.socket]]) -> None:
    """Send by every connection and look that each one is answered by its first instance."""
    for _, made in clients:
        made.send(b"hello")
    waiting = dict.fromkeys(range(len(clients)), b"")
    while waiting:
        await deferLater(reactor, 0)
        for number in list(waiting):
            name, made = clients[number]
            try:
                waiting[number] += made.recv(100)
            except BlockingIOError:
                continue
            if waiting[number] == f"{name}1:hello".encode():
                del waiting[number]
