"""Logging in on a page."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from netforge.plugin import AccountsUnavailable, Identity, LoginRefused, PasswordLogin, TooManyFailures
from netforge.shared.sessions.memory import MemorySessions
from netforge.testing import Network, WebAnswer, WebClient
from netforge.web import Site, StoredSessions, User, add_logins


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


def home(user: User | None) -> str:
    return user.name if user else "nobody"


def log_in(client: WebClient, name: str = "ada", password: str = "pencil", back: str = "/orders") -> WebAnswer:
    return client.post("/login", data={"name": name, "password": password, "next": back})


def test_who_has_not_logged_in_is_sent_to_where_one_can_and_back(client: WebClient) -> None:
    assert client.get("/orders").status == 401
    answer = client.get("/orders?page=2", headers={"Accept": "text/html,*/*"})
    assert (answer.status, answer.header("location")) == (303, "/login?next=/orders%3Fpage%3D2")
    page = client.get("/login?next=/orders%3Fpage%3D2")
    assert 'name="next" value="/orders?page=2"' in page.text
    assert "The &lt;shop&gt;" in page.text
    answer = log_in(client, back="/orders?page=2")
    assert (answer.status, answer.header("location")) == (303, "/orders?page=2")
    assert client.get("/orders?page=2").json() == ["ada", ["staff"], 2]
    assert client.get("/").text == "ada"
    assert client.post("/logout").status == 303
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


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "", "/a\r\nx: y"])
def test_nobody_is_led_astray(client: WebClient, back: str) -> None:
    assert log_in(client, back=back).header("location") == "/"
