"""Routes, handlers and their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel, Field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint

from netforge.testing import Network, Peer, WebAnswer, WebClient
from netforge.web import (
    HTML,
    JSON,
    XML,
    Cookie,
    Event,
    Events,
    Header,
    HTTPError,
    Query,
    Redirect,
    Request,
    Site,
    Stream,
    Upload,
)


class Item(BaseModel):
    name: str
    price: float = Field(ge=0)
    tags: list[str] = []


@dataclass
class Point:
    x: int
    y: int = 0


def network_peer(network: Network, site: Site) -> Peer:
    WebClient(network, site)
    client = network.machine("client")
    return Peer(client, HostnameEndpoint(client.reactor, "web.example", 80))


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def ask(
    network: Network, function: Any, path: str = "/", at: str = "/", method: str = "GET", **options: Any
) -> WebAnswer:
    site = Site()
    site.route(at, method)(function)
    return WebClient(network, site).request(method, path, **options)


def test_a_function_answers(network: Network) -> None:
    answer = ask(network, lambda: "hello")
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.header("content-type") == "text/plain; charset=utf-8"


async def coroutine() -> str:
    return "later"


def deferred() -> Deferred[str]:
    return Deferred.fromCoroutine(coroutine())


@pytest.mark.parametrize("function", [coroutine, deferred])
def test_a_function_may_be_awaited(network: Network, function: Any) -> None:
    assert ask(network, function).text == "later"


@pytest.mark.parametrize(
    ("value", "status", "kind", "body"),
    [
        (None, 204, None, b""),
        (b"\x00", 200, "application/octet-stream", b"\x00"),
        ({"a": date(2026, 11, 21)}, 200, "application/json", b'{"a":"2026-11-21"}'),
        ([1, "two"], 200, "application/json", b'[1,"two"]'),
        (Item(name="tea", price=1), 200, "application/json", b'{"name":"tea","price":1.0,"tags":[]}'),
        (Point(1), 200, "application/json", b'{"x":1,"y":0}'),
        (HTML("<p>ä"), 200, "text/html; charset=utf-8", "<p>ä".encode()),
        (JSON({}, 201), 201, "application/json", b"{}"),
        (XML(ElementTree.Element("a")), 200, "application/xml", b"<?xml version='1.0' encoding='utf-8'?>\n<a />"),
        (ElementTree.Element("a"), 200, "application/xml", b"<?xml version='1.0' encoding='utf-8'?>\n<a />"),
        (Redirect("/elsewhere"), 303, None, b""),
        (Stream(["a", b"b"]), 200, "application/octet-stream", b"ab"),
    ],
)
def test_what_a_handler_returns_is_said(
    network: Network, value: object, status: int, kind: str | None, body: bytes
) -> None:
    answer = ask(network, lambda: value)
    assert (answer.status, answer.header("content-type"), answer.body) == (status, kind, body)


@pytest.mark.parametrize(
    ("at", "path", "value"),
    [
        ("/{id:int}", "/-7", -7),
        ("/{id:float}", "/1.5", 1.5),
        ("/{id}", "/a%20b", "a b"),
        ("/{id:path}", "/a/b", "a/b"),
        ("/{id:uuid}/x", "/12345678-1234-5678-1234-567812345678/x", UUID("12345678-1234-5678-1234-567812345678")),
    ],
)
def test_places_in_paths_have_types(network: Network, at: str, path: str, value: object) -> None:
    assert ask(network, lambda id: repr(id), path, at).text == repr(value)  # noqa: A006, PLW0108  the name counts


def test_a_fixed_path_goes_before_a_pattern(network: Network) -> None:
    site = Site()
    site.get("/{name}")(lambda name: f"any {name}")
    site.get("/me")(lambda: "me")
    site.get("/{name}/{other:int}")(lambda name, other: f"{name} and {other}")
    client = WebClient(network, site)
    assert [client.get(path).text for path in ("/me", "/you", "/a/1")] == ["me", "any you", "a and 1"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", "/a/b", 404, None),
        ("HEAD", "/a", 200, None),
        ("POST", "/a", 405, "GET, HEAD, OPTIONS, PUT"),
        ("OPTIONS", "/a", 204, "GET, HEAD, OPTIONS, PUT"),
        ("GET", "/%2e%2e/a", 400, None),
        ("GET", "/a?x=%ff", 400, None),
    ],
)
def test_what_is_not_there(network: Network, method: str, path: str, status: int, allow: str | None) -> None:
    site = Site()
    site.get("/a")(lambda x="": x)
    site.put("/a")(lambda: None)
    answer = WebClient(network, site).request(method, path)
    assert (answer.status, answer.header("allow")) == (status, allow)


def values(
    request: Request,
    page: int,
    tag: Annotated[list[str], Field(max_length=2)] = [],  # noqa: B006  pydantic copies it
    *,
    agent: Annotated[str, Header("user-agent")] = "",
    x_count: Annotated[int, Header()] = 0,
    flavour: Annotated[str, Cookie()] = "none",
    sort: Annotated[str, Query("order-by")] = "name",
) -> list[Any]:
    return [request.path, page, tag, bool(agent), x_count, flavour, sort]


def test_parameters_come_from_where_they_say(network: Network) -> None:
    answer = ask(
        network,
        values,
        "/?page=2&tag=a&tag=b&order-by=price",
        headers={"X-Count": "3", "Cookie": "flavour=oat; other=1"},
    )
    assert answer.json() == ["/", 2, ["a", "b"], False, 3, "oat", "price"]


def test_every_problem_is_told_at_once(network: Network) -> None:
    answer = ask(network, values, "/?page=two&tag=a&tag=b&tag=c", headers={"X-Count": "many"})
    assert answer.status == 422
    assert answer.header("content-type") == "application/problem+json"
    assert [error["where"] for error in answer.json()["errors"]] == ["query.page", "query.tag", "header.x-count"]


def make(item: Item) -> Item:
    return item


def test_a_body_is_a_model_from_json_or_a_form(network: Network) -> None:
    made = {"name": "tea", "price": 2.5, "tags": ["a", "b"]}
    assert ask(network, make, method="POST", json=made).json() == made
    form = [("name", "tea"), ("price", "2.5"), ("tags", "a"), ("tags", "b")]
    site = Site()
    site.post("/form")(make)
    assert WebClient(network, site, "form.example").post("/form", data=form).json() == made


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"name": "tea", "price": -1}}, 422),
        ({"data": b"{", "headers": {"content-type": "application/json"}}, 422),
        ({"data": b"<a/>", "headers": {"content-type": "application/xml"}}, 415),
        ({"data": b"x" * 11_000_000, "headers": {"content-type": "application/json"}}, 413),
        ({"data": b"a=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400),
    ],
)
def test_a_body_that_is_wrong_is_refused(network: Network, options: Any, status: int) -> None:
    assert ask(network, make, method="POST", **options).status == status


class Letter(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    title: str
    page: Upload


@pytest.mark.parametrize("size", [10, 200_000])
def test_files_come_with_forms(network: Network, size: int) -> None:
    def take(letter: Letter) -> list[Any]:
        content = letter.page.file.read()
        letter.page.close()
        return [
            letter.title,
            letter.page.name,
            letter.page.media_type,
            letter.page.size,
            len(set(content)),
            len(content),
        ]

    answer = ask(
        network,
        take,
        method="POST",
        data={"title": "Ode"},
        files={"page": ("../C:\\page.png", "image/png", b"x" * size)},
    )
    assert answer.json() == ["Ode", "page.png", "image/png", size, 1, size]


def test_a_client_that_vanishes_in_an_upload_leaves_no_file(network: Network) -> None:
    begun: list[Request] = []

    async def take(request: Request) -> None:
        begun.append(request)
        await request.form()

    site = Site()
    site.post("/")(take)
    peer = network_peer(network, site)
    head = (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
    before = open_files()
    peer.send(head + part + b"y" * 300_000)
    network.run(5)
    assert open_files() == before + 1
    peer.reset()
    network.run(5)
    assert begun[0].exchange.lost
    assert open_files() == before


def test_a_refusal_is_said(network: Network) -> None:
    def refuse() -> None:
        raise HTTPError(402, "pay first")

    answer = ask(network, refuse)
    assert (answer.status, answer.text) == (402, "402 Payment Required: pay first\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Origin": "http://web.example"}, 204),
        ({"Origin": "https://friend.example"}, 204),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://web.example"}, 204),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://other.example"}, 403),
    ],
)
def test_other_sites_change_nothing(network: Network, headers: dict[str, str], status: int) -> None:
    site = Site(trusted_origins=["https://friend.example"])
    site.post("/")(lambda: None)
    site.get("/")(lambda: None)
    client = WebClient(network, site)
    assert client.post("/", headers=headers).status == status
    assert client.get("/", headers=headers).status == 204


def test_a_site_is_mounted_in_another(network: Network) -> None:
    inner, outer = Site(), Site()
    inner.get("/here")(lambda request: [request.path, request.exchange.mount, request.exchange.route])
    inner.get("/")(lambda: "root")
    outer.mount("/in", inner)
    outer.get("/in/own")(lambda: "own")
    client = WebClient(network, outer)
    assert client.get("/in/here").json() == ["/here", "/in", "/here"]
    assert client.get("/in").text == "root"
    assert client.get("/in/own").text == "own"
    assert client.get("/inhere").status == 404


def test_events_stream_until_the_browser_goes(network: Network) -> None:
    clock = network.machine("web.example").reactor
    closed = []

    async def ticks() -> AsyncIterator[Event | str]:
        try:
            yield Event("one\ntwo", event="tick", id="7")
            yield "three"
            forever: Deferred[None] = Deferred()
            await forever
        finally:
            closed.append(clock.seconds())

    site = Site()
    site.get("/")(lambda: Events(ticks()))
    peer = network_peer(network, site)
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"event: tick\nid: 7\ndata: one\ndata: two\n\n" in peer.receive_until(b"three\n\n")
    peer.reset()
    network.run(5)
    assert closed


@pytest.mark.parametrize(
    ("path", "function", "problem"),
    [
        ("no-slash", lambda: None, "begins with a slash"),
        ("/{a:colour}", lambda a: None, "no converter 'colour'"),
        ("/{a}/{a}", lambda a: None, "two places called a"),
        ("/{a", lambda: None, "a place is written"),
        ("/{a}", lambda: None, "the path has a place for a"),
        ("/", lambda *a: None, "must be a parameter that has a name"),
        ("/twice", lambda: None, "answered already"),
    ],
)
def test_mistakes_of_authors_are_told_at_once(path: str, function: Any, problem: str) -> None:
    site = Site()
    site.get("/twice")(lambda: None)
    with pytest.raises((ValueError, TypeError), match=problem):
        site.get(path)(function)
