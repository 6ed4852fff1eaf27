"""The guard against guessing."""

from __future__ import annotations

from copy import deepcopy
from ipaddress import ip_network
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.task import Clock

from netforge.plugin import TooManyFailures
from netforge.shared.accounts.guard import Failures, Guard, Network, Tally, network_of

MALLORY, ADA = ip_network("192.0.2.1"), ip_network("192.0.2.2")


class Gate:
    """A guard, and the time."""

    def __init__(self, *exempt: Network) -> None:
        self.clock = Clock()
        self.failures = Failures()
        self.guard = Guard(cast(IReactorTime, self.clock), self.failures, 10, 100, exempt)

    def fail(self, name: str = "ada", network: Network = MALLORY) -> None:
        self.guard.admit(network, name)

    def wait(self, name: str = "ada", network: Network = MALLORY) -> float:
        """How long somebody has to wait; 0 if they may try."""
        try:
            self.guard.admit(network, name).take_back()
        except TooManyFailures as error:
            return error.wait
        return 0


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1/32"),
        (IPv6Address("TCP", "2001:db8:1:2:3::4", 1), "2001:db8:1:2::/64"),
        (IPv6Address("TCP", "fe80::1%eth0", 1), "fe80::/64"),
        (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1/32"),
        (UNIXAddress("/run/x"), "127.0.0.1/32"),
        (UNIXAddress(None), "127.0.0.1/32"),
    ],
)
def test_who_somebody_is(peer: IAddress, network: str) -> None:
    assert str(network_of(peer)) == network


def test_ten_failures_a_minute_for_one_account(gate: Gate) -> None:
    for _ in range(10):
        assert gate.wait() == 0
        gate.fail()
        gate.clock.advance(1)
    assert gate.wait() == 50
    assert gate.wait("bob") == 0
    assert gate.wait("ada", ADA) == 0
    gate.clock.advance(49.5)
    assert gate.wait() == 0.5
    gate.clock.advance(0.5)
    assert gate.wait() == 0
    gate.fail()
    assert gate.wait() == 1


def test_a_hundred_failures_an_hour_for_one_address(gate: Gate) -> None:
    for number in range(100):
        gate.fail(f"user{number}")
        gate.clock.advance(1)
    assert gate.wait("somebody") == 3500
    assert gate.wait("somebody", ADA) == 0
    gate.clock.advance(3500)
    assert gate.wait("somebody") == 0


def test_what_is_under_way_counts_already(gate: Gate) -> None:
    under_way = [gate.guard.admit(MALLORY, "ada") for _ in range(10)]
    assert gate.wait() > 0
    under_way[0].take_back()
    assert gate.wait() == 0


def test_a_success_takes_back_itself_alone(gate: Gate) -> None:
    for _ in range(9):
        gate.fail()
    for _ in range(5):
        gate.guard.admit(MALLORY, "ada").take_back()
    gate.fail()
    assert gate.wait() == 60


def test_networks_may_be_exempt() -> None:
    gate = Gate(ip_network("192.0.2.0/30"), ip_network("::/0"))
    for _ in range(200):
        gate.fail()
    assert gate.wait() == 0
    other = ip_network("192.0.2.4")
    for _ in range(10):
        gate.fail("ada", other)
    assert gate.wait("ada", other) == 60


def test_fewer_than_there_were_take_longer() -> None:
    tally = Tally(60)
    for moment in range(5):
        tally.add("key", moment)
    assert [tally.wait("key", most, 10) for most in (1, 3, 5, 6)] == [54, 52, 50, 0]


def test_the_oldest_of_too_many_keys_is_forgotten() -> None:
    tally = Tally(60, most_keys=3)
    for moment, key in enumerate("abcad"):
        tally.add(key, moment)
    assert len(tally) == 3
    assert [tally.wait(key, 1, 5) > 0 for key in "abcd"] == [True, False, True, True]


def test_memory_is_bounded(gate: Gate) -> None:
    for number in range(25_000):
        gate.fail("ada", ip_network(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"))
    assert len(gate.failures.pairs) == len(gate.failures.addresses) == 20_000


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=80), st.integers(1, 5))
def test_never_more_than_so_many_within_the_window(steps: list[tuple[float, bool]], most: int) -> None:
    tally, now, moments = Tally(60), 0.0, list[float]()
    for pause, right in steps:
        now += pause
        recent = [moment for moment in moments if moment > now - 60]
        wait = tally.wait("key", most, now)
        assert (wait > 0) == (len(recent) >= most)
        if wait:
            assert deepcopy(tally).wait("key", most, now + wait + 1e-6) == 0
        else:
            tally.add("key", now)
            if right:
                tally.take_back("key", now)
            else:
                moments.append(now)
