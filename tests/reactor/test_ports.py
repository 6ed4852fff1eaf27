from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

pytestmark = pytest.mark.real


class Counting(Factory):
    noisy = False

    def __init__(self, tools: Any) -> None:
        self.tools = tools
        self.calls: list[str] = []
        self.built: list[Any] = []

    def startFactory(self) -> None:
        self.calls.append("start")

    def stopFactory(self) -> None:
        self.calls.append("stop")

    def buildProtocol(self, addr: object) -> Any:
        self.built.append(self.tools.Recorder())
        return self.built[-1]


def connected(port: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port.getHost().port))


async def until(tools: Any, reactor: Any, condition: Any) -> None:
    while not condition():
        await tools.turns(reactor, 1)


def test_a_port_stops_and_starts_again(run: Any, tools: Any, events: list[Any]) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> int:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        number: int = port.getHost().port
        await port.stopListening()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", number))
        port.port = number
        port.startListening()
        with connected(port):
            await until(tools, reactor, lambda: factory.built)
        await factory.built[0].lost
        await port.stopListening()
        return number

    number = run(scenario)
    assert factory.calls == ["start", "stop", "start", "stop"]
    logged = [event["log_text"] for event in events if "log_text" in event]
    assert logged.count(f"Counting starting on {number}") == 2
    assert logged.count(f"(TCP Port {number} Closed)") == 2


def test_who_waits_is_accepted_soon_however_long_turns_are(drive_forge: Any, tools: Any) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> int:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        clients = [connected(port) for _ in range(40)]
        turns = 0
        while len(factory.built) < len(clients):
            # As a turn with much to do.
            time.sleep(0.005)
            await tools.turns(reactor, 1)
            turns += 1
        for client, recorder in zip(clients, factory.built, strict=True):
            client.close()
            await recorder.lost
        await port.stopListening()
        return turns

    assert drive_forge(scenario) < 10


def test_a_paused_port_leaves_connections_in_the_backlog(run: Any, tools: Any) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        port.pauseProducing()
        with connected(port):
            await tools.turns(reactor, 10)
            assert not factory.built
            port.resumeProducing()
            await until(tools, reactor, lambda: factory.built)
        await factory.built[0].lost
        await port.stopListening()

    run(scenario)


def test_a_client_that_resets_before_it_is_accepted_is_no_error(run: Any, tools: Any, errors: list[Exception]) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        tools.reset(connected(port))
        with connected(port) as client:
            client.send(b"hello")
            await until(tools, reactor, lambda: factory.built and factory.built[-1].data)
        await factory.built[-1].lost
        await port.stopListening()

    run(scenario)
    assert errors == []
    # Twisted's reactor connects it and loses it.
    assert [one.calls for one in factory.built[:-1]] in ([], [["made", "lost"]])


def test_connections_outlive_their_port(run: Any, tools: Any) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        with connected(port) as client:
            await until(tools, reactor, lambda: factory.built)
            await port.stopListening()
            client.send(b"still here")
            await factory.built[0].received(10)
        await factory.built[0].lost

    run(scenario)


def test_a_number_that_is_taken(run: Any, tools: Any) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, Counting(tools), interface="127.0.0.1")
        with pytest.raises(CannotListenError) as raised:
            reactor.listenTCP(port.getHost().port, Counting(tools), interface="127.0.0.1")
        assert raised.value.port == port.getHost().port
        await port.stopListening()

    run(scenario)


def test_ipv6(run: Any, tools: Any) -> None:
    factory, client = Counting(tools), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, factory, interface="::1")
        reactor.connectTCP("::1", port.getHost().port, tools.ConnectOnce(client))
        await client.made
        await until(tools, reactor, lambda: factory.built)
        assert client.transport.getPeer() == factory.built[0].transport.getHost()
        assert client.transport.getPeer().host == "::1"
        await tools.end(port, client, factory.built[0])

    run(scenario)


def test_a_factory_that_refuses_closes_the_connection(run: Any, tools: Any) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, tools.Once(None), interface="127.0.0.1")
        client = tools.Recorder()
        reactor.connectTCP("127.0.0.1", port.getHost().port, tools.ConnectOnce(client))
        await client.lost
        await port.stopListening()

    run(scenario)


def test_a_factory_that_fails_closes_the_connection(drive_forge: Any, tools: Any, errors: list[Exception]) -> None:
    # On epoll, the logged failure holds the socket open.
    class Failing(tools.Once):  # type: ignore[misc]  # tools is Any
        def buildProtocol(self, addr: object) -> Any:
            raise ValueError("cannot build")

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, Failing(None), interface="127.0.0.1")
        client = tools.Recorder()
        reactor.connectTCP("127.0.0.1", port.getHost().port, tools.ConnectOnce(client))
        await client.lost
        await port.stopListening()

    drive_forge(scenario)
    assert [str(one) for one in errors] == ["cannot build"]


def test_an_adopted_port_leaves_the_descriptor_to_its_owner(run: Any, tools: Any) -> None:
    factory = Counting(tools)

    async def scenario(reactor: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            port = reactor.adoptStreamPort(listening.fileno(), socket.AF_INET, factory)
            assert port.getHost().port == listening.getsockname()[1]
            with connected(port):
                await until(tools, reactor, lambda: factory.built)
            await factory.built[0].lost
            await port.stopListening()
            with connected_to(listening):
                listening.setblocking(True)
                listening.accept()[0].close()

    def connected_to(listening: socket.socket) -> socket.socket:
        return socket.create_connection(listening.getsockname())

    run(scenario)


def test_an_adopted_connection(run: Any, tools: Any) -> None:
    protocol = tools.Recorder(data=lambda self, data: self.transport.write(data))

    async def scenario(reactor: Any) -> None:
        one, other = socket.socketpair()
        with one, other, socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            accepted, _ = listening.accept()
            accepted.setblocking(False)
            reactor.adoptStreamConnection(accepted.fileno(), socket.AF_INET, tools.Once(protocol))
            accepted.close()
            with client:
                client.send(b"hello")
                await protocol.received(5)
                await tools.turns(reactor)
                assert client.recv(5) == b"hello"
        await protocol.lost

    run(scenario)


def test_what_is_written_right_after_an_adoption_is_sent_before_it_closes(run: Any, tools: Any) -> None:
    protocol = tools.Recorder(made=lambda self: self.transport.write(b"made, "))

    async def scenario(reactor: Any) -> None:
        one, other = socket.socketpair()
        with one:
            with other:
                transport = reactor.adoptStreamConnection(other.fileno(), socket.AF_UNIX, tools.Once(protocol))
            transport.write(b"written, ")
            transport.writeSequence([b"and ", b"closed"])
            transport.loseConnection()
            await protocol.lost
            assert one.recv(100) == b"made, written, and closed"

    run(scenario)
    assert protocol.calls == ["made", "lost"]


def test_what_may_not_be_written_is_refused_right_after_an_adoption(run: Any, tools: Any) -> None:
    protocol = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        one, other = socket.socketpair()
        with one, other:
            transport = reactor.adoptStreamConnection(other.fileno(), socket.AF_UNIX, tools.Once(protocol))
            with pytest.raises(TypeError):
                transport.write("text")
        await protocol.lost

    run(scenario)


def test_an_adopted_connection_that_was_reset_knows_its_peer(run: Any, tools: Any, errors: list[Exception]) -> None:
    protocol = tools.Recorder(made=lambda self: peers.append(self.transport.getPeer().port))
    peers: list[int] = []

    async def scenario(reactor: Any) -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            number: int = client.getsockname()[1]
            accepted, _ = listening.accept()
        accepted.setblocking(False)
        with accepted:
            reactor.adoptStreamConnection(accepted.fileno(), socket.AF_INET, tools.Once(protocol))
        tools.reset(client)
        await protocol.lost
        return number

    assert peers == [run(scenario)]
    assert errors == []
