from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol

pytestmark = pytest.mark.real


class Datagrams(DatagramProtocol):
    noisy = False
    transport: Any

    def __init__(self, answer: bool = False) -> None:
        self.answer = answer
        self.got: list[tuple[bytes, Any]] = []
        self.next: Deferred[None] = Deferred()
        self.stopped = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.got.append((datagram, addr))
        if datagram == b"fail":
            raise ValueError("told to")
        if self.answer:
            self.transport.write(datagram.upper(), addr)
        self._tell()

    def connectionRefused(self) -> None:
        self.got.append((b"refused", None))
        self._tell()

    def stopProtocol(self) -> None:
        self.stopped = True

    def _tell(self) -> None:
        deferred, self.next = self.next, Deferred()
        deferred.callback(None)


@pytest.mark.parametrize("interface", ["127.0.0.1", "::1"])
def test_question_and_answer(run: Any, interface: str) -> None:
    server, client = Datagrams(answer=True), Datagrams()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, server, interface=interface)
        other = reactor.listenUDP(0, client, interface=interface)
        for question in (b"one", b"", b"two"):
            answered = client.next
            client.transport.write(question, (interface, port.getHost().port))
            await answered
        assert server.got[0] == (b"one", (interface, other.getHost().port))
        await other.stopListening()
        await port.stopListening()

    run(scenario)
    assert [data for data, _ in client.got] == [b"ONE", b"", b"TWO"]
    assert server.stopped


def test_exception_is_logged_and_the_port_goes_on(run: Any, errors: list[Exception]) -> None:
    server = Datagrams()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, server, interface="127.0.0.1")
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", port.getHost().port))
            client.send(b"fail")
            client.send(b"on")
            await server.next
        await port.stopListening()

    run(scenario)
    assert [data for data, _ in server.got] == [b"fail", b"on"]
    assert [str(one) for one in errors] == ["told to"]


def test_longer_datagrams_than_asked_for_are_cut(run: Any) -> None:
    server = Datagrams()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, server, interface="127.0.0.1", maxPacketSize=4)
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"too long", ("127.0.0.1", port.getHost().port))
            await server.next
        await port.stopListening()

    run(scenario)
    assert server.got[0][0] == b"too "


def test_a_connected_port_is_told_that_it_is_refused(drive_forge: Any) -> None:
    # Twisted's epoll reactor takes it for the end of the port.
    client = Datagrams()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, client, interface="127.0.0.1")
        # After it, or it could be given this very number.
        with socket.socket(type=socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            address = gone.getsockname()
        port.connect(*address)
        client.transport.write(b"anyone?")
        await client.next
        await port.stopListening()

    drive_forge(scenario)
    assert client.got == [(b"refused", None)]


def test_what_cannot_be_sent_is_refused(run: Any) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, Datagrams(), interface="127.0.0.1")
        with pytest.raises(MessageLengthError):
            port.write(bytes(100_000), ("127.0.0.1", 9))
        with pytest.raises(InvalidAddressError):
            port.write(b"x", ("localhost", 9))
        with pytest.raises(InvalidAddressError):
            port.write(b"x", ("::1", 9))
        await port.stopListening()

    run(scenario)


def test_a_number_is_free_again_once_the_port_has_stopped(run: Any) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, Datagrams(), interface="127.0.0.1")
        number = port.getHost().port
        for _ in range(3):
            reactor.callLater(0, lambda: None)
            await port.stopListening()
            port = reactor.listenUDP(number, Datagrams(), interface="127.0.0.1")
        await port.stopListening()

    run(scenario)


def test_a_paused_port_leaves_datagrams_to_the_kernel(run: Any, tools: Any) -> None:
    server = Datagrams()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, server, interface="127.0.0.1")
        port.pauseProducing()
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"x", ("127.0.0.1", port.getHost().port))
            await tools.turns(reactor, 5)
            assert server.got == []
            port.resumeProducing()
            await server.next
        await port.stopListening()

    run(scenario)
