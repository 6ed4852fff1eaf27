"""The same over loopback: Twisted's own reactor, and sockets of Python's own as the peers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionRefusedError  # noqa: A004  # Twisted's
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThreadPool

from netforge.protocols.echo import (
    CharacterGenerator,
    CharacterGeneratorFactory,
    DaytimeFactory,
    EchoDatagrams,
    EchoFactory,
    QuoteFactory,
    Quotes,
    TimeDatagrams,
    TimeFactory,
    decode_time,
    echo,
    exchange,
    read_daytime,
    read_quote,
    read_time,
)

if TYPE_CHECKING:
    from tests.conftest import Drive

pytestmark = pytest.mark.real

MIB = 1024 * 1024
LOCALHOST = "127.0.0.1"


def in_thread(reactor: Any, function: Callable[..., Any], *args: object) -> Deferred[Any]:
    return deferToThreadPool(reactor, reactor.getThreadPool(), function, *args)


def port_of(port: IListeningPort) -> int:
    address = port.getHost()
    assert isinstance(address, IPv4Address)
    return address.port


def send_and_end(port: int, data: bytes, delay: float) -> bytes:
    """What ``printf data | nc -N`` does, with a peer that begins to read late."""
    with socket.create_connection((LOCALHOST, port), timeout=10) as peer:

        def send() -> None:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sender = Thread(target=send)
        sender.start()
        time.sleep(delay)
        pieces = []
        while piece := peer.recv(65536):
            pieces.append(piece)
        sender.join()
        return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 5, MIB, 8 * MIB])
@pytest.mark.parametrize("delay", [0, 0.2])
def test_echo_loses_nothing_when_the_peer_ends_its_side(drive: Drive, size: int, delay: float) -> None:
    data = Random(1).randbytes(size)

    async def scenario(reactor: Any) -> bytes:
        port = reactor.listenTCP(0, EchoFactory(reactor), interface=LOCALHOST)
        result: bytes = await in_thread(reactor, send_and_end, port_of(port), data, delay)
        return result

    assert drive(scenario) == data


def test_echo_aborts_a_peer_that_never_reads(drive: Drive) -> None:
    def flood(port: int) -> int:
        sent = 0
        with socket.create_connection((LOCALHOST, port), timeout=10) as peer:
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                while True:
                    sent += peer.send(bytes(65536))
            return sent

    async def scenario(reactor: Any) -> int:
        port = reactor.listenTCP(0, EchoFactory(reactor, idle=0.3), interface=LOCALHOST)
        sent: int = await in_thread(reactor, flood, port_of(port))
        return sent

    # The kernel's buffers on both sides, and ours.
    assert drive(scenario) < 64 * MIB


def test_character_generator(drive: Drive) -> None:
    def read(port: int) -> bytes:
        with socket.create_connection((LOCALHOST, port), timeout=10) as peer, peer.makefile("rb") as stream:
            return stream.read(4 * MIB)

    async def scenario(reactor: Any) -> bytes:
        port = reactor.listenTCP(0, CharacterGeneratorFactory(reactor), interface=LOCALHOST)
        result: bytes = await in_thread(reactor, read, port_of(port))
        return result

    assert drive(scenario) == CharacterGenerator().read(4 * MIB)


def test_our_clients_with_our_servers(drive: Drive) -> None:
    data = Random(1).randbytes(MIB)

    async def scenario(reactor: Any) -> None:
        def serve(factory: Any) -> TCP4ClientEndpoint:
            port = reactor.listenTCP(0, factory, interface=LOCALHOST)
            return TCP4ClientEndpoint(reactor, LOCALHOST, port_of(port))

        assert await echo(serve(EchoFactory(reactor)), data, reactor) == data
        assert await read_quote(serve(QuoteFactory(Quotes(["Less\nis more."], Random(1)))), reactor) == "Less\nis more."
        for moment in (
            await read_daytime(serve(DaytimeFactory(reactor)), reactor),
            await read_time(serve(TimeFactory(reactor)), reactor),
        ):
            assert abs(datetime.now(UTC) - moment) < timedelta(seconds=5)

    drive(scenario)


def test_datagrams(drive: Drive) -> None:
    async def scenario(reactor: Any) -> None:
        echoing = reactor.listenUDP(0, EchoDatagrams(), interface=LOCALHOST)
        assert await exchange(reactor, LOCALHOST, port_of(echoing), b"hello", reactor) == b"hello"
        telling = reactor.listenUDP(0, TimeDatagrams(reactor), interface=LOCALHOST)
        answer = await exchange(reactor, LOCALHOST, port_of(telling), b"", reactor)
        assert abs(decode_time(answer, time.time()) - time.time()) < 5

    drive(scenario)


def test_a_port_where_nothing_listens_refuses_datagrams(drive: Drive) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenUDP(0, EchoDatagrams(), interface=LOCALHOST)
        number = port_of(port)
        await port.stopListening()
        with pytest.raises(ConnectionRefusedError):
            await exchange(reactor, LOCALHOST, number, b"hello", reactor)

    drive(scenario)
