"""Threads: how many requests at once, how many wait, and what becomes of those that hang."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from netforge.protocols.http import run
from netforge.services.web.wsgi import WSGIApplication
from netforge.services.web.wsgi.crossing import Crossing
from netforge.services.web.wsgi.workers import Workers
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.services.web.wsgi.asking import ask, parsed, request
from tests.services.web.wsgi.conftest import Serve


class Busy:
    """An application that answers when it may.

    :ivar begun: the paths that it was asked for.
    :ivar most: how many of them at once.
    """

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun: list[str] = []
        self.most = 0
        self._now = 0

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.begun.append(environ["PATH_INFO"])
        self._now += 1
        self.most = max(self.most, self._now)
        self.go_on.wait(1000)
        self._now -= 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]


def test_so_many_at_once_so_many_wait_and_others_are_refused(serve: Serve, network: Network) -> None:
    app = Busy()
    server = serve(app, threads=2, waiting=3)
    peers = [server.connect() for _ in range(7)]
    for number, peer in enumerate(peers):
        peer.send(request(target=f"/{number}"))
        network.run(1)
    assert app.begun == ["/0", "/1"]
    for peer in peers[5:]:
        refused = parsed(peer.receive_all())
        assert refused.status == 503
        assert refused.fields["Retry-After"] == "1"
    app.go_on.set()
    assert [parsed(peer.receive_all()).body for peer in peers[:5]] == [b"/%d" % number for number in range(5)]
    assert app.most == 2
    assert ask(server, target="/later").body == b"/later"


def test_who_waits_with_a_body_is_refused_too(serve: Serve, network: Network) -> None:
    app = Busy()
    server = serve(app, threads=1, waiting=0)
    peer = server.connect()
    peer.send(request())
    network.run(1)
    assert ask(server, method="POST", body=b"hello").status == 503
    app.go_on.set()
    assert parsed(peer.receive_all()).status == 200


def test_nobody_answers_those_who_have_left_the_queue(serve: Serve, network: Network) -> None:
    app = Busy()
    server = serve(app, threads=1)
    peers = [server.connect() for _ in range(3)]
    for number, peer in enumerate(peers):
        peer.send(request(target=f"/{number}"))
    network.run(1)
    peers[1].reset()
    network.run(1)
    app.go_on.set()
    assert parsed(peers[2].receive_all()).body == b"/2"
    assert app.begun == ["/0", "/2"]


def gateway(network: Network, app: Any, **options: Any) -> WSGIApplication:
    return WSGIApplication(app, network.machine("server").reactor, **options)


async def begin(application: WSGIApplication) -> None:
    application.start()


def test_stopping_waits_for_what_is_under_way(network: Network) -> None:
    app = Busy()
    application = gateway(network, app, threads=1)
    network.run_until(begin(application))
    peer = Server(network, application).connect()
    peer.send(request())
    network.run(1)
    stopped = application.stop()
    network.run(1)
    assert not stopped.called
    app.go_on.set()
    network.run(1)
    assert stopped.called
    assert parsed(peer.receive_all()).body == b"/"
    assert network.threads.names == []


def test_a_thread_that_hangs_is_left_to_itself(network: Network, events: list[Any]) -> None:
    app = Busy()
    application = gateway(network, app, threads=3)
    network.run_until(begin(application))
    server = Server(network, application)
    peer = server.connect()
    peer.send(request())
    network.run(1)
    before = network.now
    network.run_until(application.stop())
    assert network.now - before == pytest.approx(5)
    [event] = [event for event in events if "hang" in (event["log_format"] or "")]
    assert event["count"] == 1
    # Its threads are new ones when it starts again, and the old one does no harm when it wakes up.
    network.run_until(begin(application))
    app.go_on.set()
    assert ask(server).body == b"/"
    network.run_until(application.stop())
    assert network.threads.names == []


def test_what_was_not_started_says_so(network: Network) -> None:
    application = gateway(network, Busy())
    assert ask(Server(network, lambda exchange: run(application, exchange))).status == 500
    assert "call start() first" in str(network.failures.pop())
    network.run_until(application.stop())


def test_a_call_that_fails_does_not_hold_up_others(network: Network) -> None:
    crossing = Crossing(network.machine("server").reactor)
    made: list[int] = []
    for call in (lambda: made.append(1), lambda: made[7], lambda: made.append(2)):
        crossing.cross(call)
    network.run(1)
    assert made == [1, 2]
    assert network.failures.pop().check(IndexError)
    crossing.cross(made.append, 3)
    network.run(1)
    assert made == [1, 2, 3]


def test_threads_do_not_keep_python_from_ending() -> None:
    workers = Workers(MemoryReactorClock(), lambda call, *arguments: None, 2)
    workers.start()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("wsgi-")]
    assert [thread.daemon for thread in threads] == [True, True]
    workers.stop()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
