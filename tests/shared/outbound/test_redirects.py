"""Redirects: where they lead, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.plugin import OutboundFailed
from netforge.protocols.http import Exchange
from tests.shared.outbound.conftest import World


def redirecting(status: int, location: bytes) -> Any:
    async def application(exchange: Exchange) -> None:
        body = await exchange.body(1000)
        if exchange.request.target == "/":
            exchange.respond(status, [(b"location", location)], b"elsewhere")
        else:
            exchange.respond(200, [], body)

    return application


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "GET", "GET", b""),
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (302, "PUT", "PUT", b"sent"),
        (303, "PUT", "GET", b""),
        (303, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b"sent"),
        (308, "POST", "POST", b"sent"),
    ],
)
def test_method_and_body_after_a_redirect(world: World, status: int, method: str, then: str, body: bytes) -> None:
    world.serve(redirecting(status, b"/there"))
    sent: dict[str, Any] = {"json": None, "body": b"sent"} if method in ("POST", "PUT") else {}
    assert world.request(method, headers={"Content-Type": "text/plain"} if sent else {}, **sent) == (200, body)
    assert [(one, target) for one, target, _ in world.seen] == [(method, "/"), (then, "/there")]
    assert ("content-type" in world.seen[-1][2]) == bool(body)


def test_the_reply_says_where_it_came_from(world: World) -> None:
    world.serve(redirecting(302, b"b/../c?d#e"))

    async def ask() -> str:
        return str((await world.client().request("GET", "http://server/")).url)

    assert world.run(ask()) == "http://server/c?d"


def test_too_many_redirects_are_the_response(world: World) -> None:
    world.serve(redirecting(302, b"/"))
    assert world.get(client=world.client(redirects=3)) == (302, b"elsewhere")
    assert len(world.seen) == 4
    assert len(world.connections) == 1


def test_credentials_stay_with_the_server_that_they_are_for(world: World) -> None:
    world.serve(redirecting(302, b"http://other/there"))
    world.serve(redirecting(302, b"/further"), "other")
    fields = {"Authorization": "Bearer secret", "Cookie": "a=b", "X-Kept": "yes"}
    assert world.get(headers=fields)[0] == 200
    first, second = (fields for _, _, fields in world.seen)
    assert (first["authorization"], first["cookie"]) == ("Bearer secret", "a=b")
    assert "authorization" not in second and "cookie" not in second
    assert second["x-kept"] == "yes"
    assert second["host"] == "other"


@pytest.mark.parametrize(("user", "options"), [("", {"auth": ("ada", "pass")}), ("ada:pass@", {})])
def test_a_password_stays_too(world: World, user: str, options: dict[str, Any]) -> None:
    world.serve(redirecting(302, b"/there"))
    world.serve(redirecting(302, b"http://server/there"), "other")
    for name in ("server", "other"):
        assert world.get(f"http://{user}{name}/", **options)[0] == 200
    sent = [fields.get("authorization") for _, _, fields in world.seen]
    assert sent == ["Basic YWRhOnBhc3M="] * 3 + [None]


@pytest.mark.parametrize(
    "location", [b"ftp://server/", b"javascript:x", b"http://[::1", b"http://127.1/", b"file:///etc/passwd"]
)
def test_a_redirect_to_no_url_of_http_fails(world: World, location: bytes) -> None:
    world.serve(redirecting(302, location))
    with pytest.raises(OutboundFailed, match="redirects to where nothing can be"):
        world.get()


def test_a_body_that_cannot_be_sent_again_ends_at_the_redirect(world: World) -> None:
    world.serve(redirecting(307, b"/there"))
    pieces = [b"a", b""]

    async def read() -> bytes:
        return pieces.pop(0)

    assert world.request("POST", body=read) == (307, b"elsewhere")
