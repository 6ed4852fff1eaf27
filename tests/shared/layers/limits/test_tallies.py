"""Counts and rates by network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from netforge.shared.layers.limits import tallies
from netforge.shared.layers.limits.networks import Network, client
from netforge.shared.layers.limits.tallies import FIRST_SWEEP, MOST, Tallies

NOW = 1_767_225_600.0
NONE = (0, 0, 0)


def networks(host: str) -> list[str]:
    return [str(network) for network in client(host).networks]


def test_the_networks_of_hosts() -> None:
    assert networks("192.0.2.77") == ["192.0.2.77/32", "192.0.2.64/26", "192.0.0.0/21"]
    assert networks("2001:db8:1:2:3::4") == ["2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"]
    assert networks("::ffff:192.0.2.77") == networks("192.0.2.77")
    assert networks("fe80::1%eth0") == ["fe80::/64", "fe80::/48", "fe80::/32"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False)],
)
def test_what_loopback_is(host: str, loopback: bool) -> None:
    assert client(host).loopback is loopback


def test_at_most_so_many_at_once_of_each_network() -> None:
    book = Tallies()
    limits = (2, 3, 4)

    def enter(host: str) -> str | None:
        refusal = book.admit(client(host).networks, NOW, NONE, limits)
        return None if refusal is None else f"{refusal.network} {refusal.reason}"

    assert [enter("192.0.2.1"), enter("192.0.2.1")] == [None, None]
    assert enter("192.0.2.1") == "192.0.2.1/32 connections"
    assert enter("192.0.2.2") is None
    assert enter("192.0.2.3") == "192.0.2.0/26 connections"
    assert enter("192.0.3.1") is None
    assert enter("192.0.4.1") == "192.0.0.0/21 connections"
    assert enter("192.0.8.1") is None
    book.release(client("192.0.2.1").networks)
    assert enter("192.0.4.1") is None


@pytest.mark.parametrize("rate", [1, 7, 600, 5400])
def test_a_minutes_worth_at_once_and_then_evenly(rate: int) -> None:
    book = Tallies()
    everywhere = client("192.0.2.1").networks

    def admitted(now: float) -> int:
        return sum(book.admit(everywhere, now, (rate, 0, 0)) is None for _ in range(rate + 5))

    assert admitted(NOW) == rate
    assert admitted(NOW + 0.4 * 60 / rate) == 0
    assert admitted(NOW + 60 / rate) == 1
    assert admitted(NOW + 11 * 60 / rate) == min(rate, 10)
    assert admitted(NOW + 1000) == rate


def test_who_is_refused_does_not_count() -> None:
    book = Tallies()
    for second in range(60):
        book.admit(client("192.0.2.1").networks, NOW + second, (1, 5400, 5400), (1, 9, 9))
    assert book.admit(client("192.0.2.2").networks, NOW + 60, (60, 2, 2), (1, 2, 2)) is None


def test_nothing_counts_without_a_limit() -> None:
    book = Tallies()
    assert all(book.admit(client("192.0.2.1").networks, NOW, NONE, NONE) is None for _ in range(1000))


def test_a_network_is_told_of_once_a_minute_with_how_often() -> None:
    book = Tallies()
    everywhere = client("192.0.2.1").networks
    assert book.admit(everywhere, NOW, NONE, (1, 0, 0)) is None
    refusals = [book.admit(everywhere, NOW + second, NONE, (1, 0, 0)) for second in range(10, 130, 10)]
    assert [refusal and refusal.times for refusal in refusals] == [1, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0]


def test_an_attacker_with_a_whole_32_fills_no_memory() -> None:
    book = Tallies()
    now = NOW
    largest = 0
    for number in range(300_000):
        now += 0.0001
        book.admit([Network(6, 64, number), Network(6, 48, number >> 4), Network(6, 32, 0)], now, (600, 1800, 0))
        largest = max(largest, len(book))
    # At ten thousand a second, each remembered for a tenth of a second.
    assert largest < 4 * FIRST_SWEEP


def test_who_came_too_often_is_not_forgotten_for_others_who_come() -> None:
    book = Tallies()
    often = [Network(6, 64, -1)]
    assert book.admit(often, NOW, (1,)) is None
    for number in range(3 * FIRST_SWEEP):
        book.admit([Network(6, 64, number)], NOW, (100,))
    assert book.admit(often, NOW + 1, (1,)) is not None


def test_debts_are_forgotten_before_memory_is_full_and_connections_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST", 2000)
    book = Tallies()
    stays = [Network(6, 64, -1)]
    assert book.admit(stays, NOW, (1,), (1,)) is None
    for number in range(10_000):
        book.admit([Network(6, 64, number)], NOW, (1,))
    assert len(book) <= 2 * 2000 + FIRST_SWEEP
    assert MOST > 2000
    refusal = book.admit(stays, NOW + 120, (1,), (1,))
    assert refusal is not None
    assert refusal.reason == "connections"


class Doors(RuleBasedStateMachine):
    """Connections come and go; a list of who is there says who may come."""

    LIMITS = (2, 3, 4)
    HOSTS = st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.3.1", "192.0.3.2", "198.51.100.1", "2001:db8::1"])

    def __init__(self) -> None:
        super().__init__()
        self.book = Tallies()
        self.book._sweep_at = 4
        self.now = NOW
        self.there: list[str] = []

    @rule(host=HOSTS, pause=st.sampled_from([0.0, 1.0, 100.0]))
    def enter(self, host: str, pause: float) -> None:
        self.now += pause
        full = [
            network
            for network, most in zip(client(host).networks, self.LIMITS, strict=True)
            if sum(network in client(other).networks for other in self.there) >= most
        ]
        refusal = self.book.admit(client(host).networks, self.now, NONE, self.LIMITS)
        assert (refusal is None) is (not full)
        if refusal is None:
            self.there.append(host)
        else:
            assert refusal.network == full[0]
        self.book._sweep_at = min(self.book._sweep_at, 8)

    @precondition(lambda self: bool(self.there))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        host = data.draw(st.sampled_from(self.there))
        self.there.remove(host)
        self.book.release(client(host).networks)

    @invariant()
    def nobody_is_counted_below_zero(self) -> None:
        assert all(tally.live >= 0 for tally in self.book._tallies.values())


TestDoors = Doors.TestCase


@given(st.ip_addresses().map(str))
def test_every_address_has_networks(host: str) -> None:
    assert len(networks(host)) == 3
