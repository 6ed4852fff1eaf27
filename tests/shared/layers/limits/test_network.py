"""Whole services with limits, on the simulated network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Protocol, connectionDone
from twisted.logger import LogEvent
from twisted.python.failure import Failure

from netforge.plugin import Meter
from netforge.shared.layers.limits import plugin
from netforge.shared.layers.limits.layer import LimitedFactory
from netforge.testing import Network

if TYPE_CHECKING:
    from netforge.testing.pytest_plugin import MakeLab

ECHO = '[services.echo]\nlisten = [{{ address = "tcp:1001", {} }}]\nidle = 3600\n'
ALONE = "log = false, metrics = false"


class Crowd(ClientFactory):
    """Clients that connect, and dribble a byte now and then.

    :param every: seconds from one byte to the next.
    """

    noisy = False

    def __init__(self, network: Network, every: float) -> None:
        self.network = network
        self.every = every
        self.connected = 0
        self.failed = 0

    def connect(self, machine: str, times: int = 1) -> None:
        reactor: Any = self.network.machine(machine).reactor
        address = self.network.machine("server").address
        for _ in range(times):
            self.network.schedule.soon(self.network.machine(machine), reactor.connectTCP, address, 1001, self, 3600)

    def buildProtocol(self, addr: Any) -> Dribbling:
        return Dribbling(self)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:  # noqa: N802  Twisted's name
        self.failed += 1


class Dribbling(Protocol):
    """One of them."""

    transport: Any

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.call: Any = None

    def connectionMade(self) -> None:
        self.crowd.connected += 1
        self.dribble()

    def dribble(self) -> None:
        self.transport.write(b"x")
        self.call = self.transport.reactor.callLater(self.crowd.every, self.dribble)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.crowd.connected -= 1
        self.call.cancel()


@pytest.mark.network(traced=False)
def test_two_thousand_who_dribble_are_cut_and_the_others_are_served(
    lab: MakeLab, network: Network, events: list[LogEvent]
) -> None:
    keys = f"limits = {{ connections = [0, 0, 0], rates = [0, 0, 0], idle = 60, progress = 64 }}, {ALONE}"
    running = lab(ECHO.format(keys))
    crowd = Crowd(network, 5)
    for number in range(20):
        crowd.connect(f"attacker{number}", 100)
    network.run(30)
    assert crowd.connected == 2000
    peer = running.connect("echo")
    for _ in range(12):
        peer.send(b"hello" * 3)
        assert peer.receive(15) == b"hello" * 3
        network.run(5)
    assert crowd.connected == 0
    assert not peer.closed
    assert sum(event["times"] for event in events if event.get("event") == "cut") == 2000
    assert sum(event.get("event") == "cut" for event in events) <= 2


@pytest.mark.network(traced=False)
def test_one_client_cannot_take_the_places_of_all(lab: MakeLab, network: Network, events: list[LogEvent]) -> None:
    running = lab(ECHO.format(ALONE))
    crowd = Crowd(network, 5)
    crowd.connect("attacker", 500)
    network.run(1)
    assert crowd.connected == 100
    peer = running.connect("echo")
    peer.send(b"hello")
    assert peer.receive(5) == b"hello"
    assert [event["reason"] for event in events if event.get("event") == "refused"] == ["connections"]
    crowd.connect("attacker", 200)
    crowd.connect("attacker", 400)
    network.run(1)
    assert crowd.connected == 100


def test_at_the_total_others_wait_in_the_queue_until_there_is_room(lab: MakeLab, network: Network) -> None:
    running = lab(ECHO.format(f"limits.total = 20, {ALONE}"))
    peers = []
    for _ in range(20):
        peers.append(running.connect("echo"))
        network.run(0.1)
    late = running.connect("echo")
    late.send(b"hello")
    network.run(30)
    assert (late.received, late.closed) == (b"", False)
    peers.pop().close()
    network.run(1)
    assert late.received == b"hello"


def test_a_reload_keeps_who_is_there_and_changes_the_limit(lab: MakeLab, network: Network) -> None:
    running = lab(ECHO.format(f"limits.total = 1, {ALONE}"))
    first = running.connect("echo")
    second = running.connect("echo")
    second.send(b"hello")
    network.run(1)
    assert second.received == b""
    running.reload(ECHO.format(f"limits.total = 2, {ALONE}"))
    network.run(1)
    assert second.received == b"hello"
    first.send(b"still here")
    assert first.receive(10) == b"still here"


@pytest.mark.parametrize("limits", ["limits.total = 1", "limits = false"])
def test_a_port_that_was_held_is_not_forgotten_when_limits_change(lab: MakeLab, network: Network, limits: str) -> None:
    running = lab(ECHO.format(f"limits.total = 1, {ALONE}"))
    first, second = running.connect("echo"), running.connect("echo")
    second.send(b"hello")
    running.reload(ECHO.format(f"{limits}, {ALONE}"))
    network.run(1)
    first.close()
    network.run(1)
    assert second.received == b"hello"


def test_while_memory_is_short_nobody_is_accepted(
    lab: MakeLab, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [10]
    monkeypatch.setattr(plugin, "memory_limit", lambda: 100)
    monkeypatch.setattr(plugin, "memory_used", lambda: used[0])
    running = lab(ECHO.format(ALONE) + '[services.discard]\nservice = "echo"\nlisten = ["tcp:1002", "udp:1002"]\n')
    used[0] = 90
    network.run(2)
    waiting = running.connect("echo")
    waiting.send(b"hello")
    network.run(30)
    assert (waiting.received, waiting.closed) == (b"", False)
    used[0] = 10
    network.run(2)
    assert waiting.received == b"hello"


def test_datagrams_have_a_rate_for_each_network(lab: MakeLab, network: Network) -> None:
    lab(f'[services.echo]\nlisten = [{{ address = "udp:1001", limits.rates = [5, 0, 0], {ALONE} }}]')
    got: dict[str, int] = {}

    class Asking(DatagramProtocol):
        noisy = False

        def __init__(self, name: str) -> None:
            self.name = name

        def startProtocol(self) -> None:
            assert self.transport is not None
            for _ in range(20):
                self.transport.write(b"x", (network.machine("server").address, 1001))

        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            got[self.name] = got.get(self.name, 0) + 1

    for name in ("a", "b"):
        machine = network.machine(name)
        network.schedule.soon(machine, machine.reactor.listenUDP, 0, Asking(name))
    network.run(1)
    assert got == {"a": 5, "b": 5}


def test_bandwidth_is_kept_in_both_directions(lab: MakeLab, network: Network) -> None:
    running = lab(ECHO.format(f"limits = {{ bandwidth = 10_000, idle = 5 }}, {ALONE}"))
    peer = running.connect("echo")
    peer.send(b"x" * 300_000)
    network.run(10)
    assert 60_000 < len(peer.received) < 180_000
    network.run(20)
    assert len(peer.received) == 300_000
    assert not peer.closed


def test_a_client_that_does_not_read_is_cut(lab: MakeLab, network: Network) -> None:
    running = lab(ECHO.format(f"limits.idle = 60, {ALONE}"))
    peer = running.connect("echo")
    peer.pause()
    peer.send(b"x" * 1_000_000)
    network.run(140)
    peer.resume()
    network.run(1)
    assert peer.cut


def test_the_services_own_defaults_are_kept_beside_what_the_file_says(lab: MakeLab, network: Network) -> None:
    running = lab(ECHO.format(f"limits.total = 5, {ALONE}"))
    peer = running.connect("echo")
    network.run(1000)
    assert not peer.closed


@pytest.mark.parametrize(
    ("keys", "between"),
    [("limits.idle = 60", True), ("limits.total = 5", False), ("limits = true", False), ("limits = false", False)],
)
def test_what_stands_between_transport_and_protocol(
    lab: MakeLab, network: Network, monkeypatch: pytest.MonkeyPatch, keys: str, between: bool
) -> None:
    built: list[Any] = []
    build: Callable[..., Any] = LimitedFactory.buildProtocol

    def note(factory: LimitedFactory, addr: Any) -> Any:
        built.append(build(factory, addr))
        return built[-1]

    monkeypatch.setattr(LimitedFactory, "buildProtocol", note)
    running = lab(ECHO.format(f"{keys}, {ALONE}"))
    peer = running.connect("echo")
    peer.send(b"hello")
    assert peer.receive(5) == b"hello"
    assert [isinstance(one, Meter) for one in built] == ([] if keys == "limits = false" else [between])
