"""What an application is told of a request."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress

from netforge.plugin import Connection, TLSState
from netforge.protocols.http import Exchange
from netforge.services.web.wsgi.files import FileWrapper
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.protocols.http.test_http2 import Client
from tests.services.web.wsgi.asking import ask
from tests.services.web.wsgi.conftest import Serve


class Told:
    """An application that keeps what it is told."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.body = b""

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.environ = environ
        self.body = environ["wsgi.input"].read()
        start_response("204 No Content", [])
        return []


@pytest.fixture
def told() -> Told:
    return Told()


def test_everything_that_pep_3333_asks_for(serve: Serve, told: Told, network: Network) -> None:
    server = serve(told)
    assert ask(server, target="/a%20b?c=%20d&e").status == 204
    environ = told.environ
    assert {key: value for key, value in environ.items() if key not in ("wsgi.input", "wsgi.errors")} == {
        "wsgi.version": (1, 0),
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.url_scheme": "http",
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "c=%20d&e",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": network.machine("server").address,
        "SERVER_PORT": "80",
        "REMOTE_ADDR": network.machine("client").address,
        "REMOTE_PORT": environ["REMOTE_PORT"],
        "HTTP_HOST": "example.org",
        "HTTP_CONNECTION": "close",
    }
    assert environ["REMOTE_PORT"].isdigit()


def test_paths_are_bytes_in_the_clothes_of_text(serve: Serve, told: Told) -> None:
    ask(serve(told), target="/caf%C3%A9")
    assert told.environ["PATH_INFO"].encode("latin-1").decode() == "/café"


@pytest.mark.parametrize(
    ("target", "name", "path"), [("/sh%C3%B6p/a", b"/sh\xc3\xb6p", "/a"), ("/sh%C3%B6p", b"/sh\xc3\xb6p", "")]
)
def test_where_it_is_mounted_is_no_part_of_its_path(
    serve: Serve, told: Told, target: str, name: bytes, path: str
) -> None:
    def around(application: Any) -> Any:
        def mounted(exchange: Exchange) -> None:
            exchange.mount = "/shöp"
            application(exchange)

        return mounted

    ask(serve(told, around=around), target=target)
    assert told.environ["SCRIPT_NAME"].encode("latin-1") == name
    assert told.environ["PATH_INFO"] == path


def test_a_path_that_could_be_read_in_two_ways_is_refused(serve: Serve, told: Told) -> None:
    assert ask(serve(told), target="/a%2Fb").status == 400
    assert told.environ == {}


def test_fields_are_joined_and_ambiguous_ones_dropped(serve: Serve, told: Told) -> None:
    fields = ["X-Thing: a", "x-thing: b", "Cookie: a=1", "Cookie: b=2", "X_Thing: evil", "Proxy: http://evil"]
    ask(serve(told), *fields, "Content-Type: text/plain")
    environ = told.environ
    assert environ["HTTP_X_THING"] == "a,b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_PROXY" not in environ
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "CONTENT_LENGTH" not in environ
    assert not [key for key, value in environ.items() if value == "evil"]


def test_the_host_of_the_target_counts(serve: Serve, told: Told) -> None:
    ask(serve(told), target="http://elsewhere.org:81/a?b")
    assert told.environ["HTTP_HOST"] == "elsewhere.org:81"
    assert told.environ["PATH_INFO"] == "/a"
    assert told.environ["QUERY_STRING"] == "b"


def test_who_asks_and_how_is_told(serve: Serve, told: Told) -> None:
    def around(application: Any) -> Any:
        def behind_a_proxy(exchange: Exchange) -> None:
            connection = Connection.of(exchange.transport)
            connection.peer = IPv4Address("TCP", "192.0.2.7", 1234)
            connection.tls = TLSState("TLSv1.3", "x")
            exchange.user = "ada"
            application(exchange)

        return behind_a_proxy

    ask(serve(told, around=around))
    environ = told.environ
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("192.0.2.7", "1234")
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["REMOTE_USER"] == "ada"


def test_a_unix_socket_has_neither_host_nor_port(serve: Serve, told: Told) -> None:
    def around(application: Any) -> Any:
        def over_unix(exchange: Exchange) -> None:
            connection = Connection.of(exchange.transport)
            connection.host, connection.peer = UNIXAddress("/run/web.sock"), UNIXAddress(None)
            application(exchange)

        return over_unix

    ask(serve(told, around=around))
    environ = told.environ
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("", "")


def test_a_short_body_in_chunks_has_a_length(serve: Serve, told: Told) -> None:
    peer = serve(told).connect()
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.send(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    peer.receive_all()
    assert told.body == b"hello world"
    assert told.environ["CONTENT_LENGTH"] == "11"
    assert "HTTP_TRANSFER_ENCODING" not in told.environ


def test_http_2_looks_the_same(serve: Serve, told: Told, network: Network) -> None:
    server: Server = serve(told)
    client = Client(server, network)
    stream = client.ask("POST", "/a?b", ("cookie", "a=1"), ("cookie", "b=2"), body=b"hello")
    assert client.response(stream) == ("204", b"")
    environ = told.environ
    assert environ["SERVER_PROTOCOL"] == "HTTP/2"
    assert environ["HTTP_HOST"] == "example.org"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["CONTENT_LENGTH"] == "5"
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/a", "b")
    assert told.body == b"hello"


def test_what_it_writes_as_errors_is_logged(serve: Serve, events: list[Any]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.errors"].write("half ")
        environ["wsgi.errors"].writelines(["of it\n", "more\n"])
        environ["wsgi.errors"].flush()
        start_response("204 No Content", [])
        return []

    ask(serve(app))
    logged = [event["log_io"] for event in events if event["log_namespace"] == "netforge.services.web.wsgi.environ"]
    assert logged == ["half of it", "more"]
