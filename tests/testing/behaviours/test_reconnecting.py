"""Clients that connect again."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  Twisted's
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater

from tests.testing.behaviours.recording import Recorder, Serving
from tests.testing.behaviours.streams import listen, port_of
from tests.testing.behaviours.worlds import World


def service(world: World, number: int, clients: Serving) -> ClientService:
    endpoint = TCP4ClientEndpoint(world.client, world.host, number)
    return ClientService(endpoint, clients, retryPolicy=lambda attempt: 0.002, clock=world.client)


async def test_a_client_comes_back_when_its_server_does(world: World) -> None:
    def recorder() -> Recorder:
        return Recorder(world.client)

    serving, clients = Serving(world.client, recorder), Serving(world.client, recorder)
    port = listen(world, serving)
    number = port_of(port)
    client = service(world, number, clients)
    client.startService()
    first: Any = await client.whenConnected()
    await serving.happened("built")
    await port.stopListening()
    await serving.protocols[0].happened("made")
    serving.protocols[0].transport.loseConnection()
    await clients.protocols[0].lost()
    with pytest.raises(ConnectionRefusedError):
        await client.whenConnected(failAfterFailures=3)
    # In a turn of its own: a service that tells of a failure cannot be asked meanwhile.
    await deferLater(world.client, 0)
    again = listen(world, serving, number)
    second: Any = await client.whenConnected()
    assert second is not first
    assert clients.protocols[-1].events[0] == ("made",)
    second.transport.write(b"back")
    await serving.happened("built", times=2)
    assert await serving.protocols[-1].received(4) == b"back"
    await client.stopService()
    await serving.protocols[-1].lost()
    await again.stopListening()


async def test_a_client_that_is_stopped_stays_away(world: World) -> None:
    port = listen(world, Serving(world.client, Protocol))
    number = port_of(port)
    await port.stopListening()
    client = service(world, number, Serving(world.client, lambda: Recorder(world.client)))
    client.startService()
    connected = client.whenConnected()
    await client.stopService()
    with pytest.raises(CancelledError):
        await connected
