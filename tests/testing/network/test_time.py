"""Virtual time, and the reactors that share it."""

from __future__ import annotations

import time

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall, deferLater, react

from netforge.testing import Machine, Network
from tests.testing.network.conftest import Peer, connected


@pytest.fixture
def machine(network: Network) -> Machine:
    return network.machine("m")


def test_it_begins_on_new_years_day_and_passes_only_in_run(network: Network, machine: Machine) -> None:
    assert time.gmtime(machine.reactor.seconds())[:6] == (2026, 1, 1, 0, 0, 0)
    network.run(1.5)
    assert network.now == 1.5
    assert machine.reactor.seconds() == 1_767_225_601.5


def test_machines_share_the_clock_and_what_is_due_at_once_comes_in_order(network: Network) -> None:
    order: list[str] = []
    for name in ("a", "b"):
        for delay in (2, 1):
            network.machine(name).reactor.callLater(delay, order.append, f"{name}{delay}")
    network.run(3)
    assert order == ["a1", "b1", "a2", "b2"]


def test_calls_are_cancelled_reset_and_delayed(network: Network, machine: Machine) -> None:
    order: list[tuple[str, float]] = []

    def later(delay: float, name: str) -> object:
        return machine.reactor.callLater(delay, lambda: order.append((name, network.now)))

    calls = {name: later(5, name) for name in ("cancelled", "sooner", "later", "pulled")}
    calls["cancelled"].cancel()  # type: ignore[attr-defined]  # a delayed call
    calls["sooner"].reset(1)  # type: ignore[attr-defined]
    calls["later"].delay(3)  # type: ignore[attr-defined]
    calls["pulled"].delay(-3)  # type: ignore[attr-defined]
    assert len(machine.reactor.getDelayedCalls()) == 3
    network.run(10)
    assert order == [("sooner", 1), ("pulled", 2), ("later", 8)]
    assert machine.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("delay", [-1, float("nan")])
def test_a_delay_that_is_none_is_refused(machine: Machine, delay: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        machine.reactor.callLater(delay, print)


def test_an_hour_of_nothing_costs_nothing(network: Network, machine: Machine) -> None:
    ticks: list[float] = []
    loop = LoopingCall(lambda: ticks.append(network.now))
    loop.clock = machine.reactor
    loop.start(600, now=False)
    network.run(3600)
    assert ticks == [600, 1200, 1800, 2400, 3000, 3600]


def test_time_that_stands_still_is_an_error(network: Network, machine: Machine) -> None:
    def again() -> None:
        machine.reactor.callLater(0, again)

    again()
    with pytest.raises(RuntimeError, match="time stands still"):
        network.run(1)


def test_waiting_in_vain_ends_and_shows_what_was_sent_last(network: Network, machine: Machine) -> None:
    sender = DatagramProtocol()
    machine.reactor.listenUDP(5353, sender)
    assert sender.transport is not None
    sender.transport.write(b"hello", (machine.address, 9))
    with pytest.raises(TimeoutError, match=r"(?s)nothing came of .* in 5 s.*m:5353 > m:9  5 bytes"):
        network.run_until(Deferred(), timeout=5)
    assert network.now == 5


def test_what_fails_is_raised(network: Network) -> None:
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        network.run_until(fail())


def test_what_a_call_raises_is_kept_and_the_others_go_on(network: Network, machine: Machine) -> None:
    done: list[int] = []
    machine.reactor.callLater(1, lambda: dict[int, int]()[0])
    machine.reactor.callLater(2, done.append, 1)
    network.run(3)
    [failure] = network.failures
    network.failures.clear()
    assert failure.check(KeyError)
    assert done == [1]


def test_a_reactor_starts_with_the_network_and_stops_when_it_is_told(network: Network, machine: Machine) -> None:
    order: list[str] = []
    reactor = machine.reactor
    reactor.callWhenRunning(order.append, "running")
    reactor.addSystemEventTrigger("before", "shutdown", lambda: deferLater(reactor, 5, order.append, "waited"))
    reactor.addSystemEventTrigger("after", "shutdown", lambda: order.append("stopped"))
    assert not reactor.running
    network.run(1)
    assert reactor.running
    reactor.stop()
    reactor.callLater(100, order.append, "too late")
    network.run(200)
    assert order == ["running", "waited", "stopped"]
    assert not reactor.running


def test_closing_waits_for_what_a_shutdown_waits_for() -> None:
    done: list[int] = []
    with Network(1) as network:
        reactor = network.machine("m").reactor
        reactor.addSystemEventTrigger("before", "shutdown", lambda: deferLater(reactor, 30, done.append, 1))
        network.run(1)
    assert done == [1]


def test_a_stopped_machine_closes_what_its_programs_left_open(
    network: Network, server: Machine, client: Machine
) -> None:
    async def stop() -> Peer:
        peer = await connected(client, "server", 7)
        server.reactor.stop()
        await peer.lost
        return peer

    network.run_until(stop())
    assert server.kernel.sockets == {}


def test_a_program_may_run_its_reactor_itself(network: Network, machine: Machine) -> None:
    with pytest.raises(SystemExit) as ended:
        react(lambda reactor: deferLater(reactor, 10), (), machine.reactor)
    assert ended.value.code == 0
    assert network.now == 10
