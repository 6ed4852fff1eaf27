"""What is logged and counted of connections and datagrams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from OpenSSL.SSL import Error as OpenSSLError
from twisted.internet import error
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory
from twisted.logger import LogEvent
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netforge.host.settings import draw, read_text
from netforge.plugin import Connection, Context, ILayer, Listen, Parts, Settings, Stream, TLSState, service
from netforge.shared.layers.sight import sight
from netforge.shared.layers.sight.reasons import reason_of

if TYPE_CHECKING:
    from netforge.testing import Network
    from tests.shared.layers.sight.conftest import Watch

ECHO = '[services.echo]\nlisten = ["tcp:7"]\n'
WITHOUT = '[services.echo]\nlisten = [{{ address = "tcp:7", {} }}]\n'


def connections(events: list[LogEvent]) -> list[LogEvent]:
    return [event for event in events if event.get("event") == "connection"]


def test_it_is_a_layer() -> None:
    assert verifyObject(ILayer, sight)


@pytest.mark.parametrize(
    ("keys", "layers"),
    [
        ("", ["sight"]),
        (", log = false", ["sight"]),
        (", metrics = false", ["sight"]),
        (", log = false, metrics = false", []),
    ],
)
def test_it_is_there_unless_both_are_off(keys: str, layers: list[str]) -> None:
    text = f"[services.echo]\nlisten = [{{ address = 'tcp:127.0.0.1:7'{keys} }}]"
    plans = {plan.name: plan for plan in draw(read_text(text, Path())).plans}
    [listener] = plans["echo"].listeners
    assert [one.layer.name for one in listener.layers if one.layer is sight] == layers


def test_a_connection_is_one_event_at_its_end(watch: Watch, network: Network, events: list[LogEvent]) -> None:
    peer = watch(ECHO).lab.connect("echo")
    peer.send(b"hello")
    peer.receive(5)
    network.run(2.5)
    assert connections(events) == []
    peer.close()
    network.run(1)
    [event] = connections(events)
    assert event["log_namespace"] == "netforge.echo"
    assert event["listener"] == "tcp:0.0.0.0:7"
    assert event["peer"].startswith(f"{network.machine('client').address}:")
    assert (event["received"], event["sent"], event["reason"]) == (5, 5, "closed")
    assert (event["identity"], event["tls"]) == (None, None)
    assert event["duration"] == pytest.approx(2.5, abs=0.1)
    assert len(event["connection"]) > 4


class TelltaleSettings(Settings):
    """A protocol that learns who its peer is."""

    listen: Listen = Listen("tcp:9")


class Telltale(Protocol):
    """What TLS and a login find out, without either."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        connection = Connection.of(self.transport)
        connection.tls = TLSState("TLSv1.3", "some cipher")
        connection.identity = "ada"


@service("telltale", TelltaleSettings)
def telltale(settings: TelltaleSettings, context: Context) -> Parts:
    return [Stream(settings.listen, ServerFactory.forProtocol(Telltale))]


def test_the_event_says_who_it_was_and_which_tls(watch: Watch, network: Network, events: list[LogEvent]) -> None:
    peer = watch("[services.telltale]\n", telltale).lab.connect("telltale")
    peer.reset()
    network.run(1)
    [event] = connections(events)
    assert (event["identity"], event["tls"], event["reason"]) == ("ada", "TLSv1.3", "reset")


def test_connections_are_counted_while_and_after_they_are_open(watch: Watch, network: Network) -> None:
    watched = watch(ECHO)
    first, second = watched.lab.connect("echo"), watched.lab.connect("echo")
    first.send(b"hello")
    first.receive(5)
    counted = {"connections_total": 2, "open_connections": 2, "received_bytes_total": 5, "sent_bytes_total": 5}
    assert watched.numbers() == counted
    assert watched.numbers() == counted
    first.send(b"again")
    first.receive(5)
    first.close()
    second.reset()
    network.run(1)
    numbers = watched.numbers()
    assert numbers.pop("connection_duration_seconds_sum") > 0
    assert numbers == {
        "connections_total": 2,
        "connections_ended_total closed": 1,
        "connections_ended_total reset": 1,
        "connection_duration_seconds_count": 2,
        "received_bytes_total": 10,
        "sent_bytes_total": 10,
    }


def test_the_count_goes_on_over_reloads_with_the_connections(watch: Watch, network: Network) -> None:
    watched = watch(ECHO)
    old = watched.lab.connect("echo")
    watched.lab.reload(f"[services.reader]\n{ECHO}idle = 5\n")
    new = watched.lab.connect("echo")
    for peer in (old, new):
        peer.send(b"hello")
        peer.receive(5)
    assert watched.numbers()["open_connections"] == 2
    assert watched.numbers()["received_bytes_total"] == 10
    old.close()
    network.run(1)
    assert watched.numbers()["open_connections"] == 1


def test_what_is_off_is_not_done(watch: Watch, network: Network, events: list[LogEvent]) -> None:
    for keys, logged, counted in (("log = false", 0, True), ("metrics = false", 1, False)):
        events.clear()
        watched = watch(WITHOUT.format(keys))
        watched.lab.connect("echo").close()
        network.run(1)
        assert len(connections(events)) == logged
        assert bool(watched.numbers()) == counted
        watched.lab.stop()


class Sender(DatagramProtocol):
    """Sends, and remembers."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.received.append(datagram)


@pytest.mark.parametrize(("keys", "counted"), [("", True), (", metrics = false", False)])
def test_datagrams_are_counted_and_passed_on(watch: Watch, network: Network, keys: str, counted: bool) -> None:
    watched = watch(f'[services.echo]\nlisten = [{{ address = "udp:7"{keys} }}]')
    sender = Sender()
    port: Any = network.machine("client").reactor.listenUDP(0, sender)
    port.write(b"abc", (network.machine("server").address, 7))
    port.write(b"de", (network.machine("server").address, 7))
    network.run(1)
    assert sender.received == [b"abc", b"de"]
    expected = {"datagrams_received_total": 2, "received_bytes_total": 5} if counted else {}
    assert watched.numbers() == expected
    port.stopListening()


@pytest.mark.parametrize(
    ("raised", "word"),
    [
        (error.ConnectionDone(), "closed"),
        (error.ConnectionAborted(), "cut"),
        (error.ConnectionLost(), "reset"),
        (error.TCPTimedOutError(), "timeout"),
        (TimeoutError(), "timeout"),
        (OpenSSLError([]), "tls"),
        (ZeroDivisionError(), "failed"),
    ],
)
def test_a_reason_is_one_word(raised: Exception, word: str) -> None:
    assert reason_of(Failure(raised)) == word
