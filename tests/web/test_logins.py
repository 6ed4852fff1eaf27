"""Logging in on a page."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from netforge.plugin import AccountsUnavailable, Identity, LoginRefused, PasswordLogin, TooManyFailures
from netforge.shared.sessions.memory import MemorySessions
from netforge.testing import Network, WebAnswer, WebClient
from netforge.web import Request, Site, StoredSessions, User, add_logins


class Accounts:
    """Those of ada, whose password is "pencil"; another name says how a login goes wrong."""

    def authenticate(self, login: PasswordLogin, peer: Any, *, scope: str, connection: str = "-") -> Deferred[Identity]:
        assert scope == "shop"
        wrong = {"mallory": TooManyFailures(7), "nobody": AccountsUnavailable()}
        if (login.name, login.password) != ("ada", "pencil"):
            return fail(wrong.get(login.name, LoginRefused()))
        return succeed(Identity("ada", frozenset(["staff"])))


@pytest.fixture
def client(network: Network) -> WebClient:
    sessions = MemorySessions(network.machine("web.example").reactor, 100_000)
    site = Site(sessions=StoredSessions(sessions, "shop", random=Random(7)))
    accounts: Any = Accounts()
    add_logins(site, accounts, scope="shop", title="The <shop>")
    site.get("/orders")(orders)
    site.get("/")(home)
    return WebClient(network, site)


def orders(user: User, page: int = 1) -> list[Any]:
    return [user.name, sorted(user.groups), page]


async def home(request: Request, user: User | None) -> str:
    (await request.session())["seen"] = True
    return user.name if user else "nobody"


def log_in(client: WebClient, name: str = "ada", password: str = "pencil", back: str = "/orders") -> WebAnswer:
    return client.post("/login", data={"name": name, "password": password, "next": back})


def test_who_has_not_logged_in_is_sent_to_where_one_can_and_back(client: WebClient) -> None:
    refused = client.get("/orders")
    assert (refused.status, refused.header("vary"), refused.header("cache-control")) == (
        401,
        "cookie",
        "private, no-cache",
    )
    answer = client.get("/orders?page=2", headers={"Accept": "text/html,*/*"})
    assert (answer.status, answer.header("location")) == (303, "/login?next=/orders%3Fpage%3D2")
    page = client.get("/login?next=/orders%3Fpage%3D2")
    assert 'name="next" value="/orders?page=2"' in page.text
    assert "The &lt;shop&gt;" in page.text
    answer = log_in(client, back="/orders?page=2")
    assert (answer.status, answer.header("location")) == (303, "/orders?page=2")
    assert client.get("/orders?page=2").json() == ["ada", ["staff"], 2]
    assert client.get("/").text == "ada"
    answer = client.post("/logout")
    assert (answer.status, "Max-Age=0" in str(answer.header("set-cookie"))) == (303, True)
    assert client.get("/").text == "nobody"


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [("ada", 401, "not the name and password"), ("mallory", 429, "again in 7 s"), ("nobody", 503, "just now")],
)
def test_a_login_that_fails_says_so(client: WebClient, name: str, status: int, words: str) -> None:
    answer = log_in(client, name, "wrong")
    assert answer.status == status
    assert words in answer.text
    assert f'value="{name}"' in answer.text
    assert "wrong" not in answer.text
    assert client.get("/").text == "nobody"


def test_who_may_try_again_later_hears_when(client: WebClient) -> None:
    assert log_in(client, "mallory").header("retry-after") == "7"


def test_a_login_is_short(client: WebClient) -> None:
    assert log_in(client, "x" * 100_000).status == 413


def test_logins_need_sessions() -> None:
    with pytest.raises(ValueError, match=r"Site\(sessions="):
        add_logins(Site(), Accounts(), scope="shop")  # type: ignore[arg-type]  # as zope has it


def test_logins_below_a_mount(network: Network) -> None:
    sessions = MemorySessions(network.machine("web.example").reactor, 100_000)
    inner, outer = Site(sessions=StoredSessions(sessions, "shop", random=Random(7))), Site()
    accounts: Any = Accounts()
    add_logins(inner, accounts, scope="shop")
    inner.get("/orders")(orders)
    outer.mount("/käse", inner)
    client = WebClient(network, outer)
    answer = client.get("/k%C3%A4se/orders", headers={"Accept": "text/html"})
    assert answer.header("location") == "/k%C3%A4se/login?next=/k%25C3%25A4se/orders"
    answer = client.post("/k%C3%A4se/login", data={"name": "ada", "password": "pencil", "next": "//evil.example"})
    assert answer.header("location") == "/k%C3%A4se/"
    assert client.get("/k%C3%A4se/orders").status == 200


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "", "/a\r\nx: y"])
def test_nobody_is_led_astray(client: WebClient, back: str) -> None:
    assert log_in(client, back=back).header("location") == "/"


def test_a_login_is_another_session(client: WebClient) -> None:
    client.get("/")
    [before] = [cookie.value for cookie in client.cookies]
    log_in(client)
    [after] = [cookie.value for cookie in client.cookies]
    assert before != after
    client.cookies.clear()
    assert client.get("/", headers={"Cookie": f"session={before}"}).text == "nobody"
