"""Requests and responses."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.protocols.http import Exchange
from tests.shared.outbound.conftest import World


def test_a_response_has_status_fields_and_body(world: World) -> None:
    world.serve()

    async def ask() -> None:
        reply = await world.client().request("GET", "http://server/a?b=c")
        assert (reply.status, reply.reason, reply.version) == (200, "OK", "HTTP/1.1")
        assert reply.header("Content-Type") == "text/plain"
        assert reply.length == 5
        assert await reply.text(10) == "hello"
        assert await reply.read() == b""

    world.run(ask())
    [(method, target, fields)] = world.seen
    assert (method, target) == ("GET", "/a?b=c")
    assert fields["host"] == "server"
    assert fields["user-agent"] == "netforge"


def test_requests_share_a_connection(world: World) -> None:
    world.serve()
    client = world.client()
    for _ in range(3):
        assert world.get(client=client) == (200, b"hello")
    assert len(world.connections) == 1


def test_bodies_of_every_kind_are_sent(world: World) -> None:
    async def echo(exchange: Exchange) -> None:
        exchange.respond(200, [], await exchange.body(1 << 20))

    world.serve(echo)
    client = world.client()
    assert world.request("POST", client=client, body=b"plain") == (200, b"plain")
    assert world.request("POST", client=client, json={"a": [1, None]}) == (200, b'{"a":[1,null]}')
    assert world.seen[-1][2]["content-type"] == "application/json"
    assert world.request("POST", client=client, form={"a": "b c"}) == (200, b"a=b+c")
    large = bytes(range(256)) * 1000
    assert world.request("PUT", client=client, body=large) == (200, large)
    _, sent = world.request("POST", client=client, form={"name": "x"}, files={"file": ("a.txt", b"content")})
    assert world.seen[-1][2]["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="name"' in sent and b'filename="a.txt"' in sent and b"\r\n\r\ncontent\r\n" in sent


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("GET", {"headers": {"X-A": "b\r\nX-C: d"}}),
        ("GET", {"headers": {"X-A": "b\0"}}),
        ("GET", {"headers": {"X-A": "\u20ac"}}),
        ("GET", {"headers": {"X A": "b"}}),
        ("GET", {"headers": {"Transfer-Encoding": "chunked"}}),
        ("GET", {"headers": {"Authorization": "a"}, "auth": ("b", "c")}),
        ("GE T", {}),
        ("CONNECT", {}),
        ("POST", {"body": b"a", "json": 1}),
        ("POST", {"body": b"a", "form": {"b": "c"}}),
    ],
)
def test_what_is_no_request_is_not_sent(world: World, method: str, options: dict[str, Any]) -> None:
    world.serve()
    with pytest.raises(ValueError, match=r"."):
        world.request(method, **options)
    assert not world.connections
