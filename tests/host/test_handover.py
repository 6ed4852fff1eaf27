"""Connections that change hands, and answers that come late: both outlive what built them, and neither is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import DatagramProtocol, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import Context, Datagram, IDrainable, Listen, Parts, Settings, service

if TYPE_CHECKING:
    from tests.conftest import Peer
    from tests.host.conftest import Stage

PLAIN = '[services.a]\nservice = "actor"\nlisten = ["tcp:1001"]'


@implementer(IDrainable)
class Successor(Protocol):
    """What a connection is handed to, as by an upgrade to WebSocket."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def drain(self) -> None:
        self.told.append("drain")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.told.append("lost")


def handed_over(peer: Peer) -> Successor:
    peer.protocol = successor = Successor()
    successor.makeConnection(peer)
    return successor


def test_a_connection_that_was_handed_over_and_ended_keeps_no_stop_waiting(stage: Stage) -> None:
    forge = stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    successor = handed_over(peer)
    peer.close()
    assert successor.told == ["lost"]
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)


def test_who_has_the_connection_now_is_asked_to_finish_and_waited_for(stage: Stage) -> None:
    forge = stage.start(PLAIN)
    peer = stage.reactor.port(1001).connect()
    successor = handed_over(peer)
    stopping = forge.stopService()
    stage.reactor.turn()
    assert successor.told == ["drain"]
    assert stage.waits(stopping)
    peer.close()
    stage.reactor.turn()
    stage.result(stopping)
    assert successor.told == ["drain", "lost"]


def test_a_connectionlost_of_the_protocols_own_object_is_called_and_stays(stage: Stage) -> None:
    forge = stage.start(PLAIN)
    lost: list[Failure] = []
    port = stage.reactor.port(1001)
    build = stage.factories["a1"].buildProtocol

    def built(addr: Any) -> Any:
        protocol: Any = build(addr)
        protocol.connectionLost = lost.append
        return protocol

    stage.factories["a1"].buildProtocol = built  # type: ignore[method-assign]  # the factory of the test
    forge_port: Any = port.served
    forge_port.serve(stage.factories["a1"], forge_port._connections, "tcp:1001")
    peer: Any = port.connect()
    peer.close()
    assert len(lost) == 1
    assert peer.protocol.connectionLost == lost.append
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)


class LateSettings(Settings):
    """Answers datagrams late."""

    listen: Listen = Listen("udp:1002")
    delay: float = 5.0


class Late(DatagramProtocol):
    def __init__(self, context: Context, delay: float) -> None:
        self.context, self.delay = context, delay

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.context.clock.callLater(self.delay, self.answer, datagram, addr)

    def answer(self, datagram: bytes, addr: Any) -> None:
        assert self.transport is not None
        self.transport.write(datagram, addr)


def late(settings: LateSettings, context: Context) -> Parts:
    return [Datagram(settings.listen, Late(context, settings.delay))]


def test_a_replaced_receiver_still_answers_what_it_received(stage: Stage) -> None:
    stage.services.append(service("late", LateSettings)(late))
    forge = stage.start("[services.late]")
    port = stage.reactor.port(1002, datagram=True)
    assert port.send(b"asked before") == []
    stage.result(stage.reload(forge, "[services.late]\ndelay = 1"))
    stage.reactor.wait(5)
    assert [data for data, _ in port.sent] == [b"asked before"]
    stopping = forge.stopService()
    stage.reactor.turn()
    stage.result(stopping)


def test_a_receiver_answers_while_connections_drain(stage: Stage) -> None:
    stage.services.append(service("late", LateSettings)(late))
    forge = stage.start("[services.late]\n" + PLAIN)
    stage.reactor.port(1001).connect()
    port = stage.reactor.port(1002, datagram=True)
    port.send(b"asked before")
    stopping = forge.stopService()
    stage.reactor.wait(5)
    assert (port.reading, port.open) == (False, True)
    assert [data for data, _ in port.sent] == [b"asked before"]
    stage.reactor.wait(30)
    stage.result(stopping)
    assert not port.open
