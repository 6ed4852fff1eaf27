"""Programs that know nothing of the simulation run on it as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from treq.client import HTTPClient
from twisted.application.internet import ClientService
from twisted.internet.endpoints import HostnameEndpoint, TCP4ServerEndpoint, clientFromString, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.protocols import amp, wire
from twisted.web.client import Agent
from twisted.web.resource import Resource
from twisted.web.server import Site

from netforge.host import forge_from_text
from netforge.testing import Machine, Network
from tests.testing.network.conftest import Peer, connected


def test_wire(network: Network, client: Machine) -> None:
    server = network.machine("server")
    network.run_until(TCP4ServerEndpoint(server.reactor, 7).listen(Factory.forProtocol(wire.Echo)))

    async def ask() -> bytes:
        peer = await connected(client, "server", 7)
        peer.transport.write(b"hello")
        return await peer.receive(5)

    assert network.run_until(ask()) == b"hello"


class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]  # noqa: RUF012  as AMP has it
    response = [(b"total", amp.Integer())]  # noqa: RUF012  likewise


class Summing(amp.AMP):
    @Sum.responder
    def add(self, a: int, b: int) -> dict[str, int]:
        return {"total": a + b}


def test_amp(network: Network, client: Machine) -> None:
    network.machine("server").reactor.listenTCP(1234, Factory.forProtocol(Summing))

    async def ask() -> Any:
        protocol: Any = await connectProtocol(HostnameEndpoint(client.reactor, "server", 1234), amp.AMP())
        return await protocol.callRemote(Sum, a=2, b=3)

    assert network.run_until(ask()) == {"total": 5}


class Greeting(Resource):
    isLeaf = True  # noqa: N815  twisted.web's

    def render_POST(self, request: Any) -> bytes:  # noqa: N802  twisted.web's
        return b"hello " + bytes(request.content.read())


def test_treq_and_twisted_web(network: Network, client: Machine) -> None:
    server = network.machine("www.example.com")
    server.reactor.listenTCP(80, Site(Greeting(), reactor=server.reactor))

    async def ask() -> Any:
        response = await HTTPClient(Agent(client.reactor)).post("http://www.example.com/", data=b"you")
        return response.headers.getRawHeaders("date"), await response.text()

    assert network.run_until(ask()) == (["Thu, 01 Jan 2026 00:00:00 GMT"], "hello you")


def test_a_client_service_connects_again(network: Network, client: Machine) -> None:
    server = network.machine("server")
    port = server.reactor.listenTCP(7, Factory.forProtocol(wire.Echo))
    endpoint = clientFromString(client.reactor, "tcp:server:7")
    service = ClientService(endpoint, Factory.forProtocol(Peer), clock=client.reactor, retryPolicy=lambda tries: 1.0)
    service.startService()

    async def lose_and_find() -> None:
        peer: Any = await service.whenConnected()
        await port.stopListening()  # type: ignore[misc]  # a Deferred here
        peer.transport.abortConnection()
        await peer.lost
        await deferLater(client.reactor, 0)
        server.reactor.callLater(10, server.reactor.listenTCP, 7, Factory.forProtocol(wire.Echo))
        await service.whenConnected()

    network.run_until(lose_and_find())
    network.run_until(service.stopService())
    assert 10 <= network.now < 12


def test_a_whole_settings_file(network: Network, client: Machine, tmp_path: Path) -> None:
    text = """
        [services.echo]
        listen = ["tcp:7", "tcp6:7", "udp:7", "unix:echo.sock"]
        [services.motd]
        service = "echo"
        protocol = "qotd"
        listen = ["tcp:17"]
    """
    server = network.machine("server")
    forge = forge_from_text(text, server.reactor, tmp_path, random=network.random_for("forge"))
    forge.startService()
    network.run_until(forge.when_ready())

    async def ask(machine: Machine, endpoint: str) -> bytes:
        protocol: Any = await connectProtocol(clientFromString(machine.reactor, endpoint), Peer())
        protocol.transport.write(b"hello")
        answer: bytes = await protocol.receive(5)
        protocol.transport.loseConnection()
        await protocol.lost
        return answer

    assert network.run_until(ask(client, "tcp:server:7")) == b"hello"
    assert network.run_until(ask(client, "tcp:{}:7".format(server.address6.replace(":", r"\:")))) == b"hello"
    assert network.run_until(ask(server, f"unix:{tmp_path}/echo.sock")) == b"hello"
    assert len(network.run_until(ask(client, "tcp:server:17"))) > 5
    network.run_until(forge.stopService())
    assert server.kernel.sockets == {}
