"""The layer before a factory and before a receiver of datagrams."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netforge.host.settings import draw, read_text
from netforge.plugin import ILayer, Meter
from netforge.shared.layers.limits import LimitsKeys, limits
from netforge.shared.layers.limits.bandwidth import Throttle

if TYPE_CHECKING:
    from tests.shared.layers.limits.conftest import Surroundings

LOST = Failure(connectionDone.value)
PLAIN = {"greeting": 0, "idle": 0}
LISTENER = "tcp:0.0.0.0:7"


def keys(limits: Any = True) -> LimitsKeys:
    """The keys of a listener, as a settings file has them."""
    return LimitsKeys.model_validate({"limits": limits})


def peer(host: str = "192.0.2.1") -> Any:
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, 1)


class Inner(Factory):
    """What the service's factory does."""

    noisy = False

    def __init__(self) -> None:
        self.built: list[Protocol] = []

    def buildProtocol(self, addr: Any) -> Protocol | None:
        self.built.append(Protocol())
        return self.built[-1]


def wrap(surroundings: Surroundings, inner: Any = None, **given: Any) -> Any:
    factory = limits.wrap_stream(inner or Inner(), keys({**PLAIN, **given}), surroundings.listener(LISTENER))
    factory.doStart()
    return factory


def test_it_is_a_layer() -> None:
    assert verifyObject(ILayer, limits)


def test_it_is_on_unless_it_is_switched_off() -> None:
    assert limits.active(LimitsKeys())
    assert limits.active(keys(True))
    assert limits.active(keys({}))
    assert not limits.active(keys(False))
    assert keys(True) == keys({}) == LimitsKeys()


def test_without_deadlines_and_bandwidth_nothing_stands_in_between(surroundings: Surroundings) -> None:
    inner = Inner()
    factory = wrap(surroundings, inner)
    protocol = factory.buildProtocol(peer())
    assert protocol is inner.built[0]
    protocol.makeConnection(StringTransport())
    assert vars(protocol).keys() == {"connected", "transport", "connectionLost"}
    protocol.connectionLost(LOST)
    assert vars(protocol).keys() == {"connected", "transport"}


def test_what_stands_in_between_is_what_has_to(surroundings: Surroundings) -> None:
    metered = wrap(surroundings, idle=1).buildProtocol(peer())
    assert isinstance(metered, Meter)
    throttled = wrap(surroundings, bandwidth=1).buildProtocol(peer())
    assert isinstance(throttled, Throttle)
    assert not isinstance(throttled.wrappedProtocol, Meter)
    both = wrap(surroundings, idle=1, bandwidth=1).buildProtocol(peer())
    assert isinstance(both, Throttle)
    assert isinstance(both.wrappedProtocol, Meter)


def test_who_has_too_many_is_refused_until_one_has_ended(surroundings: Surroundings) -> None:
    factory = wrap(surroundings, connections=[2, 0, 0])
    first, second = factory.buildProtocol(peer()), factory.buildProtocol(peer())
    assert factory.buildProtocol(peer()) is None
    assert factory.buildProtocol(peer("192.0.2.2")) is not None
    first.makeConnection(StringTransport())
    first.connectionLost(LOST)
    assert factory.buildProtocol(peer()) is not None
    assert factory.buildProtocol(peer()) is None
    assert second is not None
    assert surroundings.numbers.values["netforge_connections_refused_total", "service", LISTENER, "connections"] == 2


def test_who_comes_too_often_is_refused_for_a_while(surroundings: Surroundings) -> None:
    factory = wrap(surroundings, rates=[60, 0, 0])
    assert sum(factory.buildProtocol(peer()) is not None for _ in range(70)) == 60
    surroundings.clock.advance(2)
    assert sum(factory.buildProtocol(peer()) is not None for _ in range(70)) == 2
    assert surroundings.numbers.values["netforge_connections_refused_total", "service", LISTENER, "rate"] == 78


def test_refusals_are_one_event_a_network_and_minute(surroundings: Surroundings, events: list[LogEvent]) -> None:
    factory = wrap(surroundings, connections=[1, 0, 0])
    kept = [factory.buildProtocol(peer(f"192.0.2.{number}")) for number in (1, 2)]
    for _ in range(10):
        for number in (1, 2):
            factory.buildProtocol(peer(f"192.0.2.{number}"))
    assert all(kept)
    assert [(event["network"], event["times"]) for event in events] == [("192.0.2.1/32", 1), ("192.0.2.2/32", 1)]
    surroundings.clock.advance(60)
    factory.buildProtocol(peer())
    assert (events[-1]["event"], events[-1]["times"], events[-1]["listener"]) == ("refused", 10, LISTENER)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_loopback_does_not_count_unless_it_shall(surroundings: Surroundings, host: str) -> None:
    factory = wrap(surroundings, connections=[1, 1, 1], rates=[1, 1, 1])
    kept = [factory.buildProtocol(peer(host)) for _ in range(5)]
    assert all(kept)
    strict = wrap(surroundings, connections=[1, 1, 1], loopback=True)
    assert [bool(strict.buildProtocol(peer(host))) for _ in range(2)] == [True, False]


def test_unix_sockets_have_no_network_and_count_for_the_total(surroundings: Surroundings) -> None:
    factory = wrap(surroundings, connections=[1, 1, 1], total=2)
    kept = [factory.buildProtocol(UNIXAddress(None)) for _ in range(3)]
    assert [bool(one) for one in kept] == [True, True, False]


def test_at_the_total_the_port_is_held(surroundings: Surroundings, events: list[LogEvent]) -> None:
    factory = wrap(surroundings, total=2)
    kept = [factory.buildProtocol(peer(f"198.51.100.{number}")) for number in range(2)]
    assert surroundings.held == {"total"}
    assert surroundings.numbers.values["netforge_listener_full", "service", LISTENER] == 1
    # Accepted before the port could be held.
    assert factory.buildProtocol(peer()) is None
    assert surroundings.numbers.values["netforge_connections_refused_total", "service", LISTENER, "total"] == 1
    kept[0].connectionLost(LOST)
    assert surroundings.held == set()
    assert surroundings.numbers.values["netforge_listener_full", "service", LISTENER] == 0
    assert [event["event"] for event in events] == ["full", "accepting"]


def test_counts_outlive_a_reload(surroundings: Surroundings) -> None:
    before = wrap(surroundings, connections=[2, 0, 0], total=3)
    old = [before.buildProtocol(peer()) for _ in range(2)]
    after = wrap(surroundings, connections=[2, 0, 0], total=3)
    assert after.buildProtocol(peer()) is None
    old[0].connectionLost(LOST)
    before.doStop()
    new = after.buildProtocol(peer())
    other = after.buildProtocol(peer("192.0.2.2"))
    assert new is not None
    assert other is not None
    assert surroundings.held == {"total"}
    old[1].connectionLost(LOST)
    assert surroundings.held == set()


def test_who_the_service_refuses_does_not_count(surroundings: Surroundings) -> None:
    class Refusing(Inner):
        def buildProtocol(self, addr: Any) -> Protocol | None:
            if addr.port == 2:
                raise RuntimeError("not today")
            return None if addr.port == 3 else super().buildProtocol(addr)

    factory = wrap(surroundings, Refusing(), connections=[1, 0, 0])
    assert factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 3)) is None
    with pytest.raises(RuntimeError):
        factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 2))
    assert factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) is not None


def test_a_connection_counts_off_once(surroundings: Surroundings) -> None:
    factory = wrap(surroundings, connections=[1, 0, 0])
    protocol = factory.buildProtocol(peer())
    protocol.connectionLost(LOST)
    protocol.connectionLost(LOST)
    assert factory.buildProtocol(peer()) is not None
    assert factory.buildProtocol(peer()) is None


def test_a_protocol_that_nobody_tells_of_the_end_counts_until_it_is_forgotten(surroundings: Surroundings) -> None:
    inner = Inner()
    factory = wrap(surroundings, inner, connections=[1, 0, 0])
    factory.buildProtocol(peer()).makeConnection(StringTransport())
    assert factory.buildProtocol(peer()) is None
    inner.built.clear()
    gc.collect()
    assert factory.buildProtocol(peer()) is not None


def test_deadlines_cut_and_tell(surroundings: Surroundings, events: list[LogEvent]) -> None:
    factory = wrap(surroundings, greeting=2)
    transports = [StringTransport() for _ in range(3)]
    for transport in transports:
        factory.buildProtocol(peer()).makeConnection(transport)
    for _ in range(30):
        surroundings.clock.advance(0.1)
    assert all(transport.disconnected for transport in transports)
    assert surroundings.numbers.values["netforge_connections_cut_total", "service", LISTENER, "greeting"] == 3
    assert [(event["event"], event["times"]) for event in events] == [("cut", 3)]
    factory.buildProtocol(peer()).makeConnection(StringTransport())
    factory.doStop()
    assert surroundings.clock.getDelayedCalls() == []


def test_it_holds_while_memory_is_short_and_lets_go_when_it_stops(surroundings: Surroundings) -> None:
    factory = wrap(surroundings)
    [hold] = surroundings.memory.holds
    hold(True)
    assert surroundings.held == {("memory", factory)}
    hold(False)
    assert surroundings.held == set()
    factory.doStop()
    assert surroundings.memory.holds == []


class Receiver(DatagramProtocol):
    """What the service does with datagrams."""

    noisy = False

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.stopped = False

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.got.append(datagram)

    def stopProtocol(self) -> None:
        self.stopped = True


def test_datagrams_have_rates(surroundings: Surroundings) -> None:
    receiver = Receiver()
    limited = limits.wrap_datagram(receiver, keys({"rates": [3, 0, 0]}), surroundings.listener("udp:0.0.0.0:7"))
    transport: Any = object()
    limited.makeConnection(transport)
    assert receiver.transport is transport
    for number in range(5):
        limited.datagramReceived(b"%d" % number, ("192.0.2.1", 5))
        limited.datagramReceived(b"local", ("127.0.0.1", 5))
    limited.datagramReceived(b"other", ("192.0.2.2", 5))
    assert [one for one in receiver.got if one != b"local"] == [b"0", b"1", b"2", b"other"]
    assert receiver.got.count(b"local") == 5
    values = surroundings.numbers.values
    assert values["netforge_datagrams_refused_total", "service", "udp:0.0.0.0:7", "rate"] == 2
    limited.doStop()
    assert receiver.stopped


def test_datagrams_without_rates_have_no_layer(surroundings: Surroundings) -> None:
    receiver = Receiver()
    none = keys({"rates": [0, 0, 0]})
    assert limits.wrap_datagram(receiver, none, surroundings.listener("udp:0.0.0.0:7")) is receiver


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("limits = 5", "expected a table"),
        ("limits.rates = [1, 2]", "3 items"),
        ("limits.rates = [1, 2, -1]", "at least 0"),
        ("limits.idle = -1", "at least 0"),
        ("limits.idel = 1", "idle"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(tmp_path: Any, written: str, said: str) -> None:
    from netforge.host.settings import SettingsError

    text = f'[services.echo]\nlisten = [{{ address = "tcp:7", {written} }}]'
    with pytest.raises(SettingsError) as caught:
        draw(read_text(text, tmp_path))
    assert said in str(caught.value)
