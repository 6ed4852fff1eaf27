"""Cookies."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import alsoProvides

from netforge.testing import Network, WebClient
from netforge.web import Request, Site
from tests.web.asking import ask


def sets(name: str = "a", value: str = "b", **options: Any) -> Any:
    async def handler(request: Request) -> None:
        request.set_cookie(name, value, **options)

    return handler


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "a=b; Path=/; SameSite=Lax; HttpOnly"),
        ({"max_age": 7, "path": "/x y;", "http_only": False}, "a=b; Path=/x%20y%3B; SameSite=Lax; Max-Age=7"),
        ({"same_site": "Strict", "value": ""}, "a=; Path=/; SameSite=Strict; HttpOnly"),
    ],
)
def test_a_cookie_is_set(network: Network, options: Any, said: str) -> None:
    assert ask(network, sets(**options)).header("set-cookie") == said


@pytest.mark.parametrize(
    "options",
    [
        *({"value": value} for value in ("a;b", "a b", "a,b", '"a"', "a\\b", "ä", "a\r\nb: c", "a\n")),
        *({"name": name} for name in ("", "a b", "a=b", "a;", "ä", "a\n")),
        {"same_site": "lax; Domain=example"},
    ],
)
def test_what_cannot_be_said_is_an_error(network: Network, options: Any) -> None:
    assert ask(network, sets(**options)).status == 500
    assert isinstance(network.failures.pop().value, ValueError)


def test_over_tls_it_is_secure(network: Network) -> None:
    def handler(request: Request) -> None:
        alsoProvides(request.exchange.transport, ISSLTransport)
        request.set_cookie("a", "b")

    assert str(ask(network, handler).header("set-cookie")).endswith("; Secure")


def test_several_are_set_beside_each_other(network: Network) -> None:
    async def handler(request: Request) -> None:
        request.set_cookie("a", "1")
        request.set_cookie("b", "2")

    client = WebClient(network, site := Site())
    site.get("/")(handler)
    client.get("/")
    assert {cookie.name: cookie.value for cookie in client.cookies} == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("a=1; b=2;c=3", {"a": "1", "b": "2", "c": "3"}),
        ('a="1"; a=2', {"a": "1"}),
        ("a; =1; b==; ;", {"": "1", "b": "="}),
        ("", {}),
    ],
)
def test_cookies_are_read(network: Network, said: str, read: dict[str, str]) -> None:
    assert ask(network, lambda request: request.cookies, headers={"cookie": said}).json() == read


def test_a_cookie_counts_where_the_site_is_mounted(network: Network) -> None:
    inner, outer = Site(), Site()
    inner.get("/")(sets())
    outer.mount("/käse", inner)
    assert "Path=/k%C3%A4se/;" in str(WebClient(network, outer).get("/k%C3%A4se").header("set-cookie"))
