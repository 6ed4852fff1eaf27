from __future__ import annotations

import select
import socket
from typing import Any

import pytest
from twisted.internet.defer import DeferredList
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionRefusedError,  # noqa: A004  Twisted's
    DNSLookupError,
    NotConnectingError,
    TimeoutError,  # noqa: A004  Twisted's
    UserError,
)

pytestmark = pytest.mark.real


@pytest.fixture
def silent() -> Any:
    """The address of a socket whose backlog is full, so that connecting to it takes for ever."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(4)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listening.getsockname())
    yield listening.getsockname()
    for one in [listening, *waiting]:
        one.close()


def test_refused(run: Any, tools: Any) -> None:
    async def scenario(reactor: Any) -> Any:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            factory = tools.ConnectOnce(tools.Recorder())
            reactor.connectTCP(*bound.getsockname(), factory)
            return await factory.failed

    assert isinstance(run(scenario), ConnectionRefusedError)


def test_timed_out(run: Any, tools: Any, silent: Any) -> None:
    async def scenario(reactor: Any) -> Any:
        factory = tools.ConnectOnce(tools.Recorder())
        reactor.connectTCP(*silent, factory, timeout=0.05)
        return await factory.failed

    assert isinstance(run(scenario), TimeoutError)


def test_given_up(run: Any, tools: Any, silent: Any) -> None:
    async def scenario(reactor: Any) -> Any:
        factory = tools.ConnectOnce(tools.Recorder())
        connector = reactor.connectTCP(*silent, factory)
        reactor.callLater(0, connector.stopConnecting)
        failed = await factory.failed
        with pytest.raises(NotConnectingError):
            connector.stopConnecting()
        return failed

    assert isinstance(run(scenario), UserError)


@pytest.mark.parametrize("turns", range(4))
def test_given_up_at_any_moment(run: Any, tools: Any, errors: list[Exception], turns: int) -> None:
    client = tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, tools.Once(tools.Recorder()), interface="127.0.0.1")
        factory = tools.ConnectOnce(client)
        connector = reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
        await tools.turns(reactor, turns)
        failed, lost = factory.failed, factory.lost
        connector.disconnect()
        await (lost if client.calls else failed)
        await tools.turns(reactor, 5)
        assert connector.state == "disconnected"
        await port.stopListening()

    run(scenario)
    assert client.calls in ([], ["made", "lost"])
    assert errors == []


@pytest.mark.parametrize("turns", range(4))
def test_reset_at_any_moment(run: Any, tools: Any, errors: list[Exception], turns: int) -> None:
    client = tools.Recorder(made=lambda self: peers.append(self.transport.getPeer().port))
    peers: list[int] = []

    async def scenario(reactor: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            factory = tools.ConnectOnce(client)
            reactor.connectTCP(*listening.getsockname(), factory)
            failed, lost = factory.failed, factory.lost
            while not select.select([listening], [], [], 0)[0]:
                await tools.turns(reactor, 1)
            accepted, _ = listening.accept()
            await tools.turns(reactor, turns)
            tools.reset(accepted)
            await DeferredList([failed, lost], fireOnOneCallback=True)
            assert peers == [listening.getsockname()[1]] * bool(turns)

    run(scenario)
    assert client.calls == ["made", "lost"] * bool(turns)
    assert errors == []


def test_no_such_name(run: Any, tools: Any) -> None:
    async def scenario(reactor: Any) -> Any:
        factory = tools.ConnectOnce(tools.Recorder())
        reactor.connectTCP("nowhere.invalid", 80, factory)
        return await factory.failed

    assert isinstance(run(scenario), DNSLookupError)


def test_a_factory_that_refuses_loses_the_connection(run: Any, tools: Any) -> None:
    async def scenario(reactor: Any) -> Any:
        server = tools.Recorder()
        port = reactor.listenTCP(0, tools.Once(server), interface="127.0.0.1")
        factory = tools.ConnectOnce(None)
        reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
        lost = await factory.lost
        await server.lost
        await port.stopListening()
        return lost

    assert isinstance(run(scenario), ConnectionDone)


def test_a_factory_that_fails_fails_the_connection(run: Any, tools: Any, errors: list[Exception]) -> None:
    class Failing(tools.ConnectOnce):  # type: ignore[misc]  # tools is Any
        def buildProtocol(self, addr: object) -> Any:
            raise ValueError("cannot build")

    async def scenario(reactor: Any) -> Any:
        server = tools.Recorder()
        port = reactor.listenTCP(0, tools.Once(server), interface="127.0.0.1")
        factory = Failing(None)
        reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
        failed = await factory.failed
        await server.lost
        await port.stopListening()
        return failed

    assert isinstance(run(scenario), ConnectError)
    assert [str(one) for one in errors] == ["cannot build"]


def test_a_connector_connects_again(run: Any, tools: Any) -> None:
    first, second = tools.Recorder(), tools.Recorder()

    class Again(tools.ConnectOnce):  # type: ignore[misc]  # tools is Any
        served: Any

        def clientConnectionLost(self, connector: Any, reason: Any) -> None:  # noqa: N802  Twisted's
            if self.served is first:
                self.served = second
                connector.connect()
            else:
                super().clientConnectionLost(connector, reason)

    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, tools.Once(tools.Recorder()), interface="127.0.0.1")
        factory = Again(first)
        connector = reactor.connectTCP("127.0.0.1", port.getHost().port, factory)
        await first.made
        assert connector.transport is first.transport
        connector.disconnect()
        await second.made
        assert connector.transport is second.transport
        connector.disconnect()
        await factory.lost
        await port.stopListening()

    class Fresh(tools.Once):  # type: ignore[misc]  # tools is Any
        def buildProtocol(self, addr: object) -> Any:
            return tools.Recorder()

    tools = type("Tools", (tools,), {"Once": Fresh})
    run(scenario)
    assert first.calls == second.calls == ["made", "lost"]
