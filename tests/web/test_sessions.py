"""Sessions, in cookies and on this side."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import Cookie
from random import Random

import pytest
from twisted.internet.task import deferLater
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from netforge.shared.sessions.memory import MemorySessions
from netforge.testing import Network, WebClient
from netforge.web import HTTPError, Request, Response, SessionStore, SignedCookies, Site, StoredSessions

KEY = b"k" * 32


def signed(network: Network) -> SessionStore:
    return SignedCookies(KEY, lifetime=100)


def stored(network: Network) -> SessionStore:
    sessions = MemorySessions(network.machine("web.example").reactor, 100_000)
    return StoredSessions(sessions, "shop", lifetime=100, random=Random(7))


def shop(store: SessionStore | None) -> Site:
    site = Site(sessions=store)

    @site.post("/add/{what}")
    async def add(request: Request, what: str) -> None:
        session = await request.session()
        session.setdefault("cart", []).append(what)

    @site.get("/cart")
    async def cart(request: Request) -> object:
        return dict(await request.session())

    @site.post("/login")
    async def login(request: Request) -> None:
        (await request.session()).renew()

    @site.post("/refuse")
    async def refuse(request: Request) -> None:
        session = await request.session()
        session["tries"] = session.get("tries", 0) + 1
        raise HTTPError(403, "no")

    @site.post("/slow")
    async def slow(request: Request) -> None:
        session = await request.session()
        await deferLater(request.exchange.clock, 5)
        session["slow"] = True

    @site.post("/forget")
    async def forget(request: Request) -> None:
        (await request.session()).clear()

    return site


@pytest.fixture(params=[signed, stored])
def client(request: pytest.FixtureRequest, network: Network) -> WebClient:
    make: Callable[[Network], SessionStore] = request.param
    return WebClient(network, shop(make(network)))


def cookie(client: WebClient) -> Cookie:
    [one] = client.cookies
    return one


def test_a_visitor_is_known_again(client: WebClient) -> None:
    assert client.get("/cart").json() == {}
    assert not [*client.cookies]
    client.post("/add/tea")
    client.post("/add/milk")
    answer = client.get("/cart")
    assert answer.json() == {"cart": ["tea", "milk"]}
    assert (answer.header("set-cookie"), answer.header("vary")) == (None, "cookie")
    assert cookie(client).has_nonstandard_attr("HttpOnly")


def test_what_depends_on_a_visitor_is_nobody_elses(client: WebClient) -> None:
    for answer in (client.get("/cart"), client.post("/refuse")):
        assert (answer.header("vary"), answer.header("cache-control")) == ("cookie", "private, no-cache")


def test_a_handler_says_by_itself_who_keeps_its_answer(network: Network) -> None:
    site = Site(sessions=SignedCookies(KEY))

    @site.get("/")
    async def handler(request: Request) -> Response:
        await request.session()
        return Response(fields=[(b"Cache-Control", b"no-store")])

    assert WebClient(network, site).get("/").header("cache-control") == "no-store"


def test_a_refusal_keeps_what_was_changed(client: WebClient) -> None:
    assert client.post("/refuse").status == 403
    assert client.post("/refuse").status == 403
    assert client.get("/cart").json() == {"tries": 2}


def test_what_was_ended_meanwhile_stays_ended(network: Network) -> None:
    site = shop(stored(network))
    client = WebClient(network, site)
    client.post("/add/tea")
    kept = cookie(client).value
    client.cookies.clear()
    headers = {"Cookie": f"session={kept}"}
    beside = network.machine("beside").reactor
    beside.callLater(
        1,
        lambda: Agent(beside).request(b"POST", b"http://web.example/forget", Headers({"cookie": [headers["Cookie"]]})),
    )
    assert "Max-Age=0" in str(client.post("/slow", headers=headers).header("set-cookie"))
    assert client.get("/cart", headers=headers).json() == {}


def test_nobody_else_knows_it(client: WebClient) -> None:
    client.post("/add/tea")
    client.cookies.clear()
    assert client.get("/cart").json() == {}
    for wrong in ("x", "x.y", "", "ä", "a.b.c"):
        assert client.get("/cart", headers={"Cookie": f"session={wrong}".encode()}).json() == {}


def test_it_ends_with_its_time(client: WebClient, network: Network) -> None:
    client.post("/add/tea")
    kept = cookie(client).value
    network.run(101)
    assert client.get("/cart", headers={"Cookie": f"session={kept}"}).json() == {}


def test_it_is_forgotten_when_it_is_empty(client: WebClient) -> None:
    client.post("/add/tea")
    assert "Max-Age=0" in str(client.post("/forget").header("set-cookie"))
    assert not [*client.cookies]


def test_a_renewed_session_leaves_nothing_under_the_old_key(network: Network) -> None:
    client = WebClient(network, shop(stored(network)))
    client.post("/add/tea")
    old = cookie(client).value
    client.post("/login")
    assert cookie(client).value != old
    assert client.get("/cart").json() == {"cart": ["tea"]}
    client.cookies.clear()
    assert client.get("/cart", headers={"Cookie": f"session={old}"}).json() == {}


def test_a_signed_session_cannot_be_changed_and_keys_can(network: Network) -> None:
    client = WebClient(network, shop(SignedCookies(KEY)))
    client.post("/add/tea")
    value = str(cookie(client).value)
    forged = ("A" if value[0] != "A" else "B") + value[1:]
    client.cookies.clear()
    assert client.get("/cart", headers={"Cookie": f"session={forged}"}).json() == {}
    later = WebClient(network, shop(SignedCookies(b"n" * 32, KEY)), "later.example")
    assert later.get("/cart", headers={"Cookie": f"session={value}"}).json() == {"cart": ["tea"]}


def test_what_is_too_large_for_a_cookie_is_an_error(network: Network) -> None:
    client = WebClient(network, shop(SignedCookies(KEY)))
    assert client.post("/add/" + "x" * 4000).status == 500
    assert "does not fit into a cookie" in str(network.failures.pop())


def test_a_site_without_sessions_says_so(network: Network) -> None:
    assert WebClient(network, shop(None)).get("/cart").status == 500
    assert "Site(sessions=...)" in str(network.failures.pop())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SignedCookies(b"secret")


def test_no_cookie_passes_for_another(network: Network) -> None:
    client = WebClient(network, shop(SignedCookies(KEY)))
    client.post("/add/tea")
    other = WebClient(network, shop(SignedCookies(KEY, cookie="other")), "other.example")
    assert other.get("/cart", headers={"Cookie": f"other={cookie(client).value}"}).json() == {}
