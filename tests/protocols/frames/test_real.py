"""The same over loopback, with peers that others wrote: Twisted's own protocols and Python's sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.threads import deferToThreadPool
from twisted.protocols.basic import Int16StringReceiver, Int32StringReceiver, LineReceiver, NetstringReceiver

from netforge.protocols.frames import (
    JSON,
    FrameClientFactory,
    FrameProtocol,
    FrameServerFactory,
    Framing,
    Lines,
    Netstrings,
    Prefixed16,
    Prefixed32,
    Raw,
    SlowReaderError,
)

if TYPE_CHECKING:
    from tests.conftest import Drive

pytestmark = pytest.mark.real

LOCALHOST = "127.0.0.1"


def collecting(base: type[Protocol], send: str, received: str) -> Callable[[int], Any]:
    """A protocol of Twisted's that collects so many payloads, and then fires its *done*."""

    def make(count: int) -> Any:
        class Collecting(base):  # type: ignore[valid-type, misc]  # the point is that any base will do
            MAX_LENGTH = 65536

            def __init__(self) -> None:
                self.seen: list[bytes] = []
                self.done: Deferred[list[bytes]] = Deferred()

            def take(self, payload: bytes) -> None:
                self.seen.append(payload)
                if len(self.seen) == count:
                    self.done.callback(self.seen)

            def give(self, payload: bytes) -> None:
                getattr(self, send)(payload)

        setattr(Collecting, received, Collecting.take)
        return Collecting()

    return make


@pytest.mark.parametrize(
    ("framing", "make"),
    [
        (Lines(delimiter=b"\r\n"), collecting(LineReceiver, "sendLine", "lineReceived")),
        (Netstrings(), collecting(NetstringReceiver, "sendString", "stringReceived")),
        (Prefixed16(), collecting(Int16StringReceiver, "sendString", "stringReceived")),
        (Prefixed32(), collecting(Int32StringReceiver, "sendString", "stringReceived")),
    ],
    ids=["lines", "netstrings", "16", "32"],
)
def test_twisteds_protocols_understand_us_and_we_them(
    drive_each: Drive, framing: Framing, make: Callable[[int], Any]
) -> None:
    random = Random(1)
    payloads = [random.randbytes(random.randrange(3000)).replace(b"\n", b"").rstrip(b"\r") for _ in range(300)]

    def echo(protocol: FrameProtocol[bytes], message: bytes) -> None:
        protocol.send(message)

    async def scenario(reactor: Any) -> list[bytes]:
        port = reactor.listenTCP(0, FrameServerFactory(framing, Raw(), echo, clock=reactor), interface=LOCALHOST)
        peer = await connectProtocol(TCP4ClientEndpoint(reactor, LOCALHOST, port.getHost().port), make(len(payloads)))
        for payload in payloads:
            peer.give(payload)
        seen: list[bytes] = await peer.done
        peer.transport.loseConnection()
        return seen

    assert drive_each(scenario) == payloads


def test_our_client_and_our_server_under_back_pressure_both_ways(drive_each: Drive) -> None:
    texts = [str(number) * 2000 for number in range(3000)]

    async def echo(protocol: FrameProtocol[str], message: str) -> None:
        await protocol.drained()
        protocol.send(message)

    async def scenario(reactor: Any) -> list[str]:
        server = FrameServerFactory(Lines(), JSON(str), echo, clock=reactor)
        port = reactor.listenTCP(0, server, interface=LOCALHOST)
        client = FrameClientFactory(Lines(), JSON(str), clock=reactor)
        protocol = await TCP4ClientEndpoint(reactor, LOCALHOST, port.getHost().port).connect(client)
        assert isinstance(protocol, FrameProtocol)

        async def send() -> None:
            for text in texts:
                await protocol.drained()
                protocol.send(text)

        sending = Deferred.fromCoroutine(send())
        seen = [await protocol.receive() for _ in texts]
        await sending
        protocol.close()
        return seen

    assert drive_each(scenario) == texts


def test_a_peer_that_ends_its_side_gets_all_answers(drive_each: Drive) -> None:
    async def add(protocol: FrameProtocol[Any], message: Any) -> None:
        protocol.send(message + 1)

    def ask(port: int) -> bytes:
        with socket.create_connection((LOCALHOST, port), timeout=10) as peer, peer.makefile("rb") as stream:
            peer.sendall(b"".join(b"%d\r\n" % number for number in range(5000)))
            peer.shutdown(socket.SHUT_WR)
            return stream.read()

    async def scenario(reactor: Any) -> bytes:
        factory = FrameServerFactory(Lines(), JSON(), add, clock=reactor)
        port = reactor.listenTCP(0, factory, interface=LOCALHOST)
        answer: bytes = await deferToThreadPool(reactor, reactor.getThreadPool(), ask, port.getHost().port)
        return answer

    assert drive_each(scenario) == b"".join(b"%d\n" % (number + 1) for number in range(5000))


def test_a_peer_that_does_not_read_is_cut_by_its_real_buffers(drive_each: Drive) -> None:
    async def scenario(reactor: Any) -> object:
        lost: Deferred[object] = Deferred()

        def flood(protocol: FrameProtocol[bytes]) -> None:
            def more() -> None:
                if not lost.called:
                    protocol.send(bytes(10_000))
                    reactor.callLater(0, more)

            more()

        factory = FrameServerFactory(
            Prefixed32(),
            Raw(),
            clock=reactor,
            max_unsent=100_000,
            on_connected=flood,
            on_lost=lambda protocol, reason: lost.callback(reason.type),
        )
        port = reactor.listenTCP(0, factory, interface=LOCALHOST)
        with socket.create_connection((LOCALHOST, port.getHost().port)):
            return await lost

    assert drive_each(scenario) is SlowReaderError
