"""Which upstream is asked, how often, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import LogEvent

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.testing import Network
from tests.services.web.proxy.conftest import HOST, Proxied, get, response

Make = Callable[..., Proxied]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n"
PUT = b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"


def named(name: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.respond(200, [], name.encode())


def ask(proxy: Proxied, data: bytes = b"") -> tuple[int, bytes]:
    return response(proxy.ask(data or get()))


def logged(events: list[LogEvent], text: str) -> bool:
    return any(text in str(event.get("log_format")) for event in events)


# Who is asked.


def test_requests_go_to_who_is_least_busy(proxied: Make) -> None:
    proxy = proxied(None, None, None)
    for _ in range(9):
        proxy.ask(get())
    assert [len(upstream.connections) for upstream in proxy.upstreams] == [3, 3, 3]
    proxy.upstreams[1].say(OK)
    proxy.ask(get())
    assert [len(upstream.connections) for upstream in proxy.upstreams] == [3, 3, 3]
    assert sum(connection.got.count(b"GET") for connection in proxy.upstreams[1].connections) == 4


def test_chance_decides_between_those_that_are_equal(proxied: Make) -> None:
    proxy = proxied(named("one"), named("two"))
    answers = Counter(ask(proxy)[1] for _ in range(40))
    assert set(answers) == {b"one", b"two"}
    assert min(answers.values()) > 8


# Connections.


def test_connections_are_used_again_until_they_are_idle_for_too_long(proxied: Make, network: Network) -> None:
    proxy = proxied(None, idle=4)
    for _ in range(3):
        peer = proxy.ask(get())
        proxy.one.say(OK)
        assert response(peer) == (200, b"ok")
        network.run(3)
    assert len(proxy.one.connections) == 1
    network.run(2)
    assert proxy.one.connections[0].lost
    proxy.ask(get())
    assert len(proxy.one.connections) == 2


def test_no_more_connections_than_allowed_and_the_others_wait_their_turn(proxied: Make, network: Network) -> None:
    proxy = proxied(None, connections=2, queue=2, first=100)
    peers = [proxy.ask(get(b"/%d" % number)) for number in range(4)]
    assert len(proxy.one.connections) == 2
    status, text = ask(proxy)
    assert (status, text.startswith(b"503 ")) == (503, True)
    proxy.one.say(OK, 0)
    assert response(peers[0]) == (200, b"ok")
    assert b"GET /2 " in proxy.one.connections[0].got
    # Who goes away waits no more.
    peers[3].reset()
    network.run(1)
    proxy.one.say(OK, 0)
    assert b"GET /3 " not in proxy.one.connections[0].got
    assert response(peers[2]) == (200, b"ok")


def test_nobody_waits_for_ever(proxied: Make, network: Network) -> None:
    proxy = proxied(None, connections=1, patience=5, first=100)
    proxy.ask(get())
    waiting = proxy.ask(get())
    network.run(4)
    assert waiting.received == b""
    assert response(waiting)[0] == 503


def test_a_failed_connection_makes_room_for_who_waits(proxied: Make, network: Network) -> None:
    proxy = proxied(named("one"), connections=1, connect=2, failures=100)
    network.between(network.machine("proxy"), network.machine("one")).cut()
    peers = [proxy.ask(get()) for _ in range(2)]
    network.run(1)
    assert [peer.received for peer in peers] == [b"", b""]
    assert [response(peer)[0] for peer in peers] == [504, 504]
    network.between(network.machine("proxy"), network.machine("one")).heal()
    assert ask(proxy) == (200, b"one")


# Failures.


def test_without_an_upstream_the_client_is_told_and_the_log(proxied: Make, events: list[LogEvent]) -> None:
    proxy = proxied(named("one"))
    proxy.one.stop_listening()
    status, text = ask(proxy)
    assert status == 502
    assert b"8000" not in text
    assert logged(events, "failed")


def test_another_upstream_is_asked_where_one_cannot_be_reached(proxied: Make) -> None:
    proxy = proxied(named("one"), named("two"))
    proxy.one.stop_listening()
    for data in (get(), POST, PUT):
        for _ in range(3):
            assert ask(proxy, data) == (200, b"two")


@pytest.mark.parametrize(("data", "again"), [(get(), True), (POST, False), (PUT, False)])
def test_a_request_that_nobody_answered_is_tried_again_if_it_is_safe(
    proxied: Make, data: bytes, again: bool, network: Network
) -> None:
    proxy = proxied(None, None)
    peer = proxy.ask(data)
    [asked] = [upstream for upstream in proxy.upstreams if upstream.connections]
    [other] = [upstream for upstream in proxy.upstreams if upstream is not asked]
    asked.hang_up()
    network.run(1)
    assert bool(other.connections) is again
    if again:
        other.say(OK)
    assert response(peer)[0] == (200 if again else 502)


def test_what_has_begun_to_answer_is_not_asked_again(proxied: Make, network: Network) -> None:
    proxy = proxied(None, None)
    peer = proxy.ask(get())
    [asked] = [upstream for upstream in proxy.upstreams if upstream.connections]
    asked.say(b"HTTP/1.1 200")
    asked.hang_up()
    assert response(peer)[0] == 502
    assert sum(len(upstream.connections) for upstream in proxy.upstreams) == 1


def test_a_connection_that_is_closed_as_it_is_used_is_nobodys_failure(proxied: Make, network: Network) -> None:
    proxy = proxied(None, failures=1, rest=50)
    peer = proxy.ask(get(b"/1"))
    proxy.one.say(OK)
    assert response(peer) == (200, b"ok")
    peer.send(get(b"/2"))
    network.run(0.1)
    proxy.one.hang_up()
    network.run(0.1)
    assert len(proxy.one.connections) == 2
    proxy.one.say(OK)
    assert response(peer) == (200, b"ok")


@pytest.mark.parametrize("said", [b"rubbish\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"])
def test_a_malformed_response_is_a_502(proxied: Make, said: bytes) -> None:
    proxy = proxied(None)
    peer = proxy.ask(get())
    proxy.one.say(said)
    assert response(peer)[0] == 502
    assert proxy.one.connections[0].lost


def test_a_late_response_is_a_504(proxied: Make, network: Network) -> None:
    proxy = proxied(None, None, first=20)
    peer = proxy.ask(get())
    network.run(19)
    assert peer.received == b""
    assert response(peer)[0] == 504
    assert sum(len(upstream.connections) for upstream in proxy.upstreams) == 1


def test_a_response_that_stops_is_cut(proxied: Make, network: Network) -> None:
    proxy = proxied(None, between=20)
    peer = proxy.ask(get())
    proxy.one.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    network.run(19)
    assert not peer.closed
    network.run(5)
    assert peer.closed
    assert peer.received.endswith(b"\r\n\r\nabc")


def test_who_fails_again_and_again_rests_longer_and_longer(proxied: Make, network: Network) -> None:
    proxy = proxied(named("one"), named("two"), failures=2, rest=10)
    proxy.one.stop_listening()
    for _ in range(20):
        assert ask(proxy) == (200, b"two")

    def attempts() -> int:
        return sum("one:8000" in str(entry) and "SYN" in str(entry) for entry in network.trace)

    assert attempts() == 2
    network.run(10)
    for _ in range(20):
        ask(proxy)
    assert attempts() == 3
    network.run(15)
    for _ in range(20):
        ask(proxy)
    assert attempts() == 3
    proxy.one.listen()
    network.run(5)
    assert {ask(proxy)[1] for _ in range(20)} == {b"one", b"two"}


def test_where_all_rest_somebody_is_asked_all_the_same(proxied: Make) -> None:
    proxy = proxied(named("one"), failures=1, rest=1000)
    proxy.one.stop_listening()
    assert ask(proxy)[0] == 502
    proxy.one.listen()
    assert ask(proxy) == (200, b"one")


# Checks.


def test_who_fails_its_checks_is_not_asked(proxied: Make, network: Network, events: list[LogEvent]) -> None:
    well = True

    def one(exchange: Exchange) -> None:
        checked = exchange.request.target == "/health"
        exchange.respond(200 if well or not checked else 500, [], b"one")

    proxy = proxied(one, named("two"), check={"path": "/health", "interval": 5, "fall": 2, "rise": 2})
    network.run(1)
    assert {ask(proxy)[1] for _ in range(20)} == {b"one", b"two"}
    well = False
    network.run(3)
    assert {ask(proxy)[1] for _ in range(20)} == {b"one", b"two"}
    network.run(3)
    assert {ask(proxy)[1] for _ in range(20)} == {b"two"}
    assert logged(events, "not healthy")
    well = True
    network.run(3)
    assert {ask(proxy)[1] for _ in range(20)} == {b"two"}
    network.run(3)
    assert {ask(proxy)[1] for _ in range(20)} == {b"one", b"two"}
    assert logged(events, "healthy again")


def test_without_anybody_healthy_it_is_a_503(proxied: Make, network: Network) -> None:
    proxy = proxied(lambda exchange: None, check={"interval": 1, "timeout": 2, "fall": 1, "rise": 1})
    network.run(1.5)
    peer = proxy.ask(get())
    assert peer.received == b""
    network.run(1)
    status, text = ask(proxy)
    assert (status, text.startswith(b"503 ")) == (503, True)


@pytest.mark.parametrize("reachable", [True, False])
def test_checks_end_with_the_proxy(proxied: Make, network: Network, reachable: bool) -> None:
    proxy = proxied(named("one"), check={"interval": 1, "fall": 1})
    if not reachable:
        proxy.one.stop_listening()
    network.run(2)

    async def stop() -> None:
        proxy.stop()

    network.run_until(stop())
    asked = len(proxy.one.exchanges)
    network.run(10)
    assert len(proxy.one.exchanges) == asked


def test_stopping_closes_what_is_idle(proxied: Make, network: Network) -> None:
    proxy = proxied(None, idle=1000)
    peer = proxy.ask(get())
    proxy.one.say(OK)
    assert response(peer)[0] == 200

    async def stop() -> None:
        proxy.stop()

    network.run_until(stop())
    network.run(1)
    assert proxy.one.connections[0].lost


# Other kinds of upstreams.


def test_an_upstream_on_a_unix_socket(proxied: Make, network: Network) -> None:

    proxy = proxied(named("one"), to=["unix:/run/app.sock"], host="upstream")
    hosts: list[Any] = []

    def application(exchange: Exchange) -> None:
        hosts.append(exchange.request.authority)
        exchange.respond(200, [], b"unix")

    reactor = network.machine("proxy").reactor
    reactor.listenUNIX("/run/app.sock", HTTPFactory(application, reactor))
    assert ask(proxy) == (200, b"unix")
    assert hosts == ["localhost"]
