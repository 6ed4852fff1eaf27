"""Cookies of a session."""

from __future__ import annotations

import pytest

from netforge.protocols.http import Exchange
from tests.shared.outbound.conftest import World


def setting(*cookies: bytes) -> object:
    def application(exchange: Exchange) -> None:
        if exchange.request.target == "/go":
            exchange.respond(302, [(b"location", b"http://server/"), (b"set-cookie", b"on=way")])
        else:
            exchange.respond(200, [(b"set-cookie", cookie) for cookie in cookies])

    return application


def sent(world: World) -> str:
    return world.seen[-1][2].get("cookie", "")


def test_a_session_sends_what_it_was_given(world: World) -> None:
    world.serve(setting(b"a=1", b"b=2; Path=/sub"))  # type: ignore[arg-type]  # an application
    client = world.client()
    session, other = client.session(), client.session()
    world.get(client=session)
    assert sent(world) == ""
    world.get(client=session)
    assert sent(world) == "a=1"
    world.get("http://server/sub/x", client=session)
    assert sent(world) == "b=2; a=1"
    for stranger in (client, other):
        world.get(client=stranger)
        assert sent(world) == ""


def test_cookies_of_a_redirect_count(world: World) -> None:
    world.serve(setting())  # type: ignore[arg-type]  # an application
    world.get("http://server/go", client=world.client().session())
    assert sent(world) == "on=way"


def test_cookies_expire(world: World) -> None:
    world.serve(setting(b"a=1; Max-Age=60"))  # type: ignore[arg-type]  # an application
    session = world.client().session()
    world.get(client=session)
    world.network.run(59)
    world.get(client=session)
    assert sent(world) == "a=1"
    world.network.run(61)
    world.get(client=session)
    assert sent(world) == ""


@pytest.mark.parametrize(
    "cookie",
    [b"a=1; Domain=elsewhere.example", b"a=1; Domain=.co.uk", b"a=1; Secure", b"a=" + b"x" * 5000],
)
def test_what_is_not_kept_or_not_sent(world: World, cookie: bytes) -> None:
    world.serve(setting(cookie), "www.shop.co.uk")  # type: ignore[arg-type]  # an application
    session = world.client().session()
    for _ in range(2):
        world.get("http://www.shop.co.uk/", client=session)
    assert sent(world) == ""


def test_no_more_cookies_are_kept_than_a_browser_does(world: World) -> None:
    world.serve(setting(*(b"c%d=1" % number for number in range(80))))  # type: ignore[arg-type]  # an application
    session = world.client().session()
    for _ in range(2):
        world.get(client=session)
    assert sent(world).count("=") == 50
