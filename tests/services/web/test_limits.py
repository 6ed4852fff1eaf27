"""How often clients may ask, how much they may send, and how long applications may take."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from netforge.services.web.around.rates import Buckets, network_of
from netforge.testing import Network
from tests.services.web import applications
from tests.services.web.conftest import Sites, reply

HERE = "tests.services.web.applications"


def test_a_client_has_so_many_requests_and_then_gets_them_one_by_one(sites: Sites, network: Network) -> None:
    web = sites("""
        [services.web.sites.main]
        rate = { requests = 3, seconds = 30 }
        at."/".respond = "hello"
        at."/more" = { respond = "", rate = 10 }
        at."/same".respond = "hello"
        """)
    assert [web.ask(path).status for path in ("/", "/same", "/", "/")] == [200, 200, 200, 429]
    refused = web.ask()
    assert refused.fields["retry-after"] == "10"
    assert refused.fields["x-content-type-options"] == "nosniff"
    assert web.ask("/more").status == 200
    assert web.ask(machine="another").status == 200
    network.run(10)
    assert [web.ask().status for _ in range(2)] == [200, 429]
    network.run(100)
    assert [web.ask().status for _ in range(4)] == [200, 200, 200, 429]


def test_clients_on_this_machine_may_ask_as_often_as_they_like(sites: Sites) -> None:
    web = sites("[services.web.sites.main]\nrate = 1\nat.'/'.respond = ''\n", '["tcp:127.0.0.1:80", "unix:web.sock"]')
    for number in (0, 1):
        assert [web.ask(number=number).status for _ in range(3)] == [200] * 3


def test_buckets_of_clients_that_are_long_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netforge.services.web.around.rates.MOST_CLIENTS", 2)
    buckets = Buckets(Clock(), 1, 60)
    assert [buckets.take(client) for client in "aba"] == [0, 0, 60]
    assert [buckets.take(client) for client in "cb"] == [0, 0]
    assert buckets.take("a") == 0


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1"),
        (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1"),
        (IPv6Address("TCP", "2001:db8:1:2:3::4", 1), "20010db800010002"),
        (IPv6Address("TCP", "fe80::1%eth0", 1), "fe80000000000000"),
        (IPv4Address("TCP", "127.0.0.2", 1), ""),
        (IPv6Address("TCP", "::1", 1), ""),
        (UNIXAddress(None), ""),
    ],
)
def test_who_a_client_is(peer: Any, client: str) -> None:
    assert network_of(peer) == client


BODIES = f"""
[services.web.sites.main]
body = 10
at."/".site = "{HERE}:read"
at."/more" = {{ site = "{HERE}:read", body = 20 }}
at."/all" = {{ site = "{HERE}:read", body = 0 }}
"""
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(("path", "most"), [("/", 10), ("/more", 20)])
def test_bodies_have_an_end(sites: Sites, path: str, most: int) -> None:
    web = sites(BODIES)
    for length, status in ((0, 200), (most, 200), (most + 1, 413)):
        assert web.ask(path, "POST", body=b"x" * length).status == status
        chunks = b"1\r\nx\r\n" * length + b"0\r\n\r\n"
        said = {"Host": "a", "Connection": "close", **CHUNKED}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        peer = web.connect()
        peer.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + chunks)
        assert reply(peer.receive_all()).status == status
    assert web.ask("/all", "POST", body=b"x" * 1000).body == "1000"


def test_a_client_that_waits_is_told_before_it_sends_too_much(sites: Sites) -> None:
    peer = sites(BODIES).connect()
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
    assert peer.receive_all().startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("application", ["hang", "forget"])
def test_a_response_begins_in_time_or_not_at_all(sites: Sites, network: Network, application: str) -> None:
    applications.said.clear()
    web = sites(f"[services.web.sites.main]\ntimeout = 5\nat.'/'.site = '{HERE}:{application}'\n")
    before = network.now
    status, _, body = web.ask()
    assert (status, body) == (503, "503 Service Unavailable: the answer took too long\n")
    assert 5 <= network.now - before < 5.1
    assert applications.said == (["CancelledError"] if application == "hang" else [])


def test_a_response_that_has_begun_may_take_its_time(sites: Sites, network: Network) -> None:
    web = sites(f"[services.web.sites.main]\ntimeout = 5\nat.'/'.site = '{HERE}:trickle'\n")
    peer = web.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    network.run(20)
    network.schedule.soon(web.lab.machine, lambda: applications.waiting[-1].callback(None))
    assert peer.receive_all().endswith(b"\r\n\r\n1\r\na\r\n0\r\n\r\n")


def test_without_a_limit_it_may_take_for_ever(sites: Sites, network: Network) -> None:
    web = sites(f"[services.web.sites.main]\ntimeout = 0\nat.'/'.site = '{HERE}:forget'\n")
    peer = web.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    network.run(3600)
    assert not peer.closed
    assert peer.received == b""


def test_an_application_that_fails_is_not_late(sites: Sites, network: Network, events: list[LogEvent]) -> None:
    web = sites(f"[services.web.sites.main]\nat.'/'.site = '{HERE}:break_later'\n")
    assert web.ask()[::2] == (500, "500 Internal Server Error\n")
    assert [str(failure.value) for failure in network.failures] == ["a mistake"]
    network.failures.clear()
