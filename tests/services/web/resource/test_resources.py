"""Resources of ``twisted.web``: requests, answers, producers, sessions, and clients that go away."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from netforge.plugin import Connection, TLSState
from netforge.protocols.http import Exchange, Fields, WrappedExchange, run
from netforge.services.web.resource import ResourceApplication
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.protocols.http.test_http2 import Client
from tests.services.web.wsgi.asking import ask, parsed, request

with warnings.catch_warnings():
    # Of what Twisted does itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from twisted.web.static import Data, File

# Its page for what is not found, likewise.
pytestmark = pytest.mark.filterwarnings("ignore:twisted.web.resource._Unsafe:DeprecationWarning")

Serve = Callable[..., Server]


@pytest.fixture
def serve(network: Network) -> Iterator[Serve]:
    """Serves a resource, until the end of the test."""
    made: list[ResourceApplication] = []

    def start(resource: Any, *, around: Any = lambda exchange: exchange, **options: Any) -> Server:
        application = ResourceApplication(resource, network.machine("server").reactor, **options)
        made.append(application)

        def prepared(exchange: Exchange) -> None:
            application(around(exchange) or exchange)

        return Server(network, lambda exchange: run(prepared, exchange))

    yield start
    for application in made:
        application.stop()


class Leaf(Resource):
    """A resource that does what a test wants, and keeps its requests."""

    isLeaf = True  # noqa: N815  Twisted's

    def __init__(self, render: Callable[[Any], Any]) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self._answer = render

    def render(self, request: Any) -> Any:
        self.requests.append(request)
        return self._answer(request)


def tree(**children: Resource) -> Resource:
    root = Resource()
    for name, child in children.items():
        root.putChild(name.encode(), child)
    return root


def test_a_tree_of_resources(serve: Serve) -> None:
    server = serve(tree(a=tree(b=Data(b"hello", "text/plain"))))
    answer = ask(server, target="/a/b")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.fields["Content-Type"] == "text/plain"
    assert answer.fields["Content-Length"] == "5"
    assert ask(server, target="/a/c").status == 404
    head = ask(server, method="HEAD", target="/a/b")
    assert (head.status, head.body, head.fields["Content-Length"]) == (200, b"", "5")
    refused = ask(server, method="POST", target="/a/b")
    assert refused.status == 405
    assert set(refused.fields["Allow"].split(", ")) == {"GET", "HEAD"}


def test_a_request_has_everything(serve: Serve, network: Network) -> None:
    leaf = Leaf(lambda request: b"")
    ask(serve(leaf), "Cookie: a=1; b=2", "X-Thing: a", "X-Thing: b", target="/x/y%20z?q=1&q=2")
    [asked] = leaf.requests
    assert (asked.method, asked.uri, asked.path) == (b"GET", b"/x/y%20z?q=1&q=2", b"/x/y%20z")
    assert asked.postpath == [b"x", b"y z"]
    assert asked.args == {b"q": [b"1", b"2"]}
    assert asked.getCookie(b"b") == b"2"
    assert asked.requestHeaders.getRawHeaders("x-thing") == ["a", "b"]
    assert asked.clientproto == b"HTTP/1.1"
    assert asked.getRequestHostname() == b"example.org"
    assert asked.getClientAddress().host == network.machine("client").address
    assert asked.getHost() == IPv4Address("TCP", network.machine("server").address, 80)
    assert not asked.isSecure()


def test_who_asks_and_how_is_told(serve: Serve) -> None:
    def behind_a_proxy(exchange: Exchange) -> None:
        connection = Connection.of(exchange.transport)
        connection.peer = IPv4Address("TCP", "192.0.2.7", 1234)
        connection.tls = TLSState("TLSv1.3", "x")

    def render(request: Any) -> bytes:
        assert request.isSecure()
        return str(request.getClientAddress().host).encode()

    assert ask(serve(Leaf(render), around=behind_a_proxy)).body == b"192.0.2.7"


def test_where_it_is_mounted_is_before_its_path(serve: Serve) -> None:
    def mounted(exchange: Exchange) -> None:
        exchange.mount = "/shop/two"

    leaf = Leaf(lambda request: request.prePathURL())
    answer = ask(serve(tree(a=leaf), around=mounted), target="/shop/two/a/b")
    assert answer.body == b"http://example.org/shop/two/a"
    [asked] = leaf.requests
    assert asked.prepath == [b"shop", b"two", b"a"]
    assert asked.postpath == [b"b"]


@pytest.mark.parametrize(
    ("target", "status"), [("/a%2Fb", 400), ("/../a", 400), ("http://a/a", 200), ("http://a", 404)]
)
def test_targets_of_every_form(serve: Serve, target: str, status: int) -> None:
    assert ask(serve(tree(a=Data(b"hello", "text/plain"))), target=target).status == status


def test_options_of_the_whole_server(serve: Serve) -> None:
    assert ask(serve(tree()), method="OPTIONS", target="*").status in (200, 405)


@pytest.mark.parametrize("length", [11, 200_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_there_when_it_is_asked(serve: Serve, length: int, chunked: bool) -> None:
    body = b"x" * length
    leaf = Leaf(lambda request: b"%d" % len(request.content.read()))
    server = serve(leaf)
    if chunked:
        peer = server.connect()
        peer.send(request("Transfer-Encoding: chunked", method="PUT"))
        peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (length, body))
        assert parsed(peer.receive_all()).body == b"%d" % length
    else:
        assert ask(server, method="PUT", body=body).body == b"%d" % length


def test_forms_are_parsed(serve: Serve) -> None:
    leaf = Leaf(lambda request: b",".join(request.args[b"a"]))
    server = serve(leaf)
    urlencoded = "Content-Type: application/x-www-form-urlencoded"
    assert ask(server, urlencoded, method="POST", body=b"a=1&a=2").body == b"1,2"
    multipart = b'--z\r\nContent-Disposition: form-data; name="a"\r\n\r\n3\r\n--z--\r\n'
    assert ask(server, "Content-Type: multipart/form-data; boundary=z", method="POST", body=multipart).body == b"3"


def test_a_form_that_cannot_be_read_is_refused(serve: Serve) -> None:
    server = serve(Leaf(lambda request: b"never"))
    answer = ask(server, "Content-Type: multipart/form-data", method="POST", body=b"--z\r\n")
    assert answer.status == 400


@pytest.mark.parametrize("most", [99, 100])
def test_a_body_that_is_too_large_is_refused(serve: Serve, most: int) -> None:
    leaf = Leaf(lambda request: b"fine")
    answer = ask(serve(leaf, max_body=most), method="POST", body=b"x" * 100)
    assert answer.status == (200 if most == 100 else 413)
    assert len(leaf.requests) == (most == 100)


def test_a_client_that_vanishes_in_its_upload_leaves_no_file(
    serve: Serve, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Any] = []

    def make(original: Any = tempfile.TemporaryFile) -> Any:
        files.append(original())
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    leaf = Leaf(lambda request: b"never")
    peer = serve(leaf).connect()
    peer.send(request("Content-Length: 200000", method="POST"))
    peer.send(b"x" * 120_000)
    network.run(1)
    [file] = files
    assert not file.closed
    peer.reset()
    network.run(1)
    assert file.closed
    assert not leaf.requests


def test_an_answer_may_come_later_and_in_pieces(serve: Serve, network: Network) -> None:
    leaf = Leaf(lambda request: NOT_DONE_YET)
    peer = serve(leaf).connect()
    peer.send(request())
    network.run(1)
    [asked] = leaf.requests
    finished: list[Any] = []
    asked.notifyFinish().addCallback(finished.append)
    asked.setResponseCode(201)
    asked.write(b"first")
    network.run(1)
    head, _, body = peer.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    assert head.lower().count(b"transfer-encoding: chunked") == 1
    assert body == b"5\r\nfirst\r\n"
    asked.write(b"second")
    assert finished == []
    asked.finish()
    assert finished == [None]
    assert peer.receive_all().endswith(b"6\r\nsecond\r\n0\r\n\r\n")


def test_a_whole_answer_is_said_at_once(serve: Serve) -> None:
    class Whole(WrappedExchange):
        def begin(self, status: int, headers: Fields = ()) -> None:
            raise AssertionError("this was whole")

    assert ask(serve(Leaf(lambda request: b"hello"), around=Whole)).body == b"hello"


def test_pieces_of_an_answer_of_known_length(serve: Serve) -> None:
    def render(request: Any) -> int:
        request.setHeader("content-length", "11")
        request.write(b"hello")
        request.write(b" world")
        request.finish()
        return NOT_DONE_YET

    answer = ask(serve(Leaf(render)))
    assert (answer.fields["Content-Length"], answer.body) == ("11", b"hello world")


@pytest.mark.parametrize("code", [204, 304])
def test_an_answer_without_a_body(serve: Serve, code: int) -> None:
    def render(request: Any) -> bytes:
        request.setResponseCode(code)
        return b""

    answer = ask(serve(Leaf(render)))
    assert (answer.status, answer.body) == (code, b"")


def test_sessions_last_until_they_expire(serve: Serve, network: Network) -> None:
    def render(request: Any) -> bytes:
        session = request.getSession()
        session.seen = getattr(session, "seen", 0) + 1
        return str(session.seen).encode()

    server = serve(Leaf(render))
    first = ask(server)
    cookie = first.fields["Set-Cookie"].partition(";")[0]
    assert ask(server, f"Cookie: {cookie}").body == b"2"
    network.run(1000)
    assert ask(server, f"Cookie: {cookie}").body == b"1"


def test_stopping_leaves_no_timers(network: Network) -> None:
    reactor: Any = network.machine("server").reactor
    application = ResourceApplication(Leaf(lambda request: bytes(request.getSession().uid)), reactor)
    ask(Server(network, application))
    network.run(10)
    assert reactor.getDelayedCalls()
    application.stop()
    assert not reactor.getDelayedCalls()


def test_a_resource_that_raises_harms_its_own_request_alone(serve: Serve, network: Network) -> None:
    def render(request: Any) -> bytes:
        raise ValueError("broken")

    server = serve(tree(a=Leaf(render), b=Data(b"fine", "text/plain")))
    answer = ask(server, target="/a")
    assert answer.status == 500
    assert b"broken" not in answer.body
    assert "broken" in str(network.failures.pop())
    assert ask(server, target="/b").body == b"fine"


def test_more_than_content_length_cuts_the_answer(serve: Serve, network: Network) -> None:
    def render(request: Any) -> int:
        request.setHeader("content-length", "5")
        request.write(b"hello world")
        request.finish()
        return NOT_DONE_YET

    peer = serve(Leaf(render)).connect()
    peer.send(request())
    peer.receive_all()
    assert peer.cut
    assert "Content-Length" in str(network.failures[0])
    network.failures.clear()


def test_a_request_may_be_cut(serve: Serve, network: Network) -> None:
    def render(request: Any) -> int:
        request.write(b"half")
        request.loseConnection()
        return NOT_DONE_YET

    peer = serve(Leaf(render)).connect()
    peer.send(request())
    peer.receive_all()
    assert peer.cut


class Pushing:
    """A producer of numbers, ten thousand bytes each turn, until it is paused."""

    def __init__(self, request: Any, reactor: Any, pieces: int) -> None:
        self.request = request
        self.reactor = reactor
        self.left = pieces
        self.stopped = False
        self.going = True
        self.pauses = 0
        request.registerProducer(self, True)
        reactor.callLater(0, self.turn)

    def turn(self) -> None:
        if self.going and not self.stopped:
            self.left -= 1
            self.request.write(b"z" * 10_000)
            if self.left:
                self.reactor.callLater(0, self.turn)
            else:
                self.request.unregisterProducer()
                self.request.finish()

    def pauseProducing(self) -> None:
        self.going = False
        self.pauses += 1

    def resumeProducing(self) -> None:
        self.going = True
        self.reactor.callLater(0, self.turn)

    def stopProducing(self) -> None:
        self.stopped = True


def test_a_producer_waits_for_a_slow_client(serve: Serve, network: Network) -> None:
    producers: list[Pushing] = []

    def render(request: Any) -> int:
        producers.append(Pushing(request, network.machine("server").reactor, 200))
        return NOT_DONE_YET

    peer = serve(Leaf(render)).connect()
    peer.pause()
    peer.send(request())
    network.run(10)
    [producer] = producers
    assert 100 < producer.left < 200
    peer.resume()
    assert peer.receive_all().count(b"z" * 10_000) == 200
    assert producer.pauses > 5


def test_a_file_is_read_as_the_client_reads(serve: Serve, network: Network, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"z" * 2_000_000)
    server = serve(File(str(tmp_path)))
    peer = server.connect()
    peer.pause()
    peer.send(request(target="/large"))
    network.run(10)
    assert 0 < server.exchanges[0].sent < 1_000_000
    peer.resume()
    answer = parsed(peer.receive_all())
    assert answer.fields["Content-Length"] == "2000000"
    assert answer.body == b"z" * 2_000_000
    partial = ask(server, "Range: bytes=2-5", target="/large")
    assert (partial.status, partial.body) == (206, b"zzzz")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_lost_client_is_told_and_its_producer_stopped(
    serve: Serve, network: Network, tmp_path: Path, streaming: bool
) -> None:
    stopped: list[bool] = []
    lost: list[Any] = []

    class Producer:
        def resumeProducing(self) -> None:
            leaf.requests[0].write(b"z" * 10_000)

        def pauseProducing(self) -> None:
            pass

        def stopProducing(self) -> None:
            stopped.append(True)

    def render(request: Any) -> int:
        request.notifyFinish().addErrback(lost.append)
        request.registerProducer(Producer(), streaming)
        request.write(b"z" * 10_000)
        return NOT_DONE_YET

    leaf = Leaf(render)
    peer = serve(leaf).connect()
    peer.pause()
    peer.send(request())
    network.run(10)
    assert (stopped, lost) == ([], [])
    peer.reset()
    network.run(1)
    assert stopped == [True]
    assert [type(one) for one in lost] == [Failure]
    # As with a channel of Twisted's.
    leaf.requests[0].write(b"more")
    with pytest.raises(RuntimeError, match="after its connection was lost"):
        leaf.requests[0].finish()


def test_http_2(serve: Serve, network: Network) -> None:
    leaf = Leaf(lambda request: request.content.read() or NOT_DONE_YET)
    client = Client(serve(leaf), network)
    stream = client.ask("POST", "/a?b=c", body=b"hello")
    assert client.response(stream) == ("200", b"hello")
    assert leaf.requests[0].clientproto == b"HTTP/2"
    stream = client.ask()
    [_, asked] = leaf.requests
    lost: list[Any] = []
    asked.notifyFinish().addErrback(lost.append)
    asked.write(b"piece")
    client.turn()
    assert client.body(stream) == b"piece"
    client.core.reset_stream(stream)
    client.turn()
    assert len(lost) == 1
