"""Routes, handlers and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from time import process_time
from typing import Annotated, Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel, Field
from twisted.internet.defer import Deferred

from netforge.testing import Network, WebClient
from netforge.web import (
    HTML,
    JSON,
    XML,
    Cookie,
    Header,
    HTTPError,
    Query,
    Redirect,
    Request,
    Site,
    Stream,
)
from netforge.web.routing import Router
from tests.web.asking import ask, network_peer


class Item(BaseModel):
    name: str
    price: float = Field(ge=0)
    tags: list[str] = []


@dataclass
class Point:
    x: int
    y: int = 0


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
    site = Site(trusted_origins=["https://FRIEND.example"])
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
    outer.mount("/any", lambda exchange: exchange.respond(200))
    client = WebClient(network, outer)
    assert client.get("/in/here").json() == ["/here", "/in", "/here"]
    assert client.get("/in").text == "root"
    assert client.get("/in/own").text == "own"
    assert client.get("/inhere").status == 404
    assert [client.get(path).status for path in ("/any", "/any/thing", "/anything")] == [200, 200, 404]


def default_source(page: int = Query()) -> None:  # type: ignore[assignment]  # the mistake
    raise NotImplementedError


def stranger(it: Network) -> None:
    raise NotImplementedError


def two_bodies(one: Item, two: Point) -> None:
    raise NotImplementedError


def undefined(it: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821  the mistake
    raise NotImplementedError


@pytest.mark.parametrize(
    ("path", "function", "problem"),
    [
        ("no-slash", lambda: None, "begins with a slash"),
        ("/{a:colour}", lambda a: None, "no converter 'colour'"),
        ("/{a}/{a}", lambda a: None, "two places called a"),
        ("/{a", lambda: None, "a place is written"),
        ("/{a}}", lambda a: None, "a place is written"),
        ("/a?b=1", lambda: None, "without a query"),
        ("/a%20b", lambda: None, "decoded"),
        ("/{a}{b}", lambda a, b: None, "where a place ends"),
        ("/{a:path}-{b}", lambda a, b: None, "where a place ends"),
        ("/{a:path}/{b:path}", lambda a, b: None, "only one place can be a path"),
        (lambda: None, lambda: None, "begins with its path"),
        ("/", default_source, r"what page is stands in its type"),
        ("/", stranger, "no request has anything that it could be made of"),
        ("/", two_bodies, "only one parameter can be the body"),
        ("/", undefined, "at the top of a module"),
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


def test_methods_are_in_capitals() -> None:
    with pytest.raises(ValueError, match="in capitals: GET"):
        Site().route("/", "get")(lambda: None)


def test_a_route_without_methods_is_for_get(network: Network) -> None:
    site = Site()
    site.route("/")(lambda: "here")
    assert WebClient(network, site).get("/").text == "here"


def test_a_path_with_a_method_of_its_own_is_found_behind_others(network: Network) -> None:
    site = Site()
    site.get("/users/me")(lambda: "me")
    site.get("/users/{id:int}")(lambda id: id)  # noqa: A006  the name counts
    site.put("/users/{name}")(lambda name: name)
    client = WebClient(network, site)
    assert [client.request("PUT", f"/users/{name}").text for name in ("me", "7", "ada")] == ["me", "7", "ada"]
    assert client.get("/users/ada").header("allow") == "OPTIONS, PUT"
    answer = client.request("DELETE", "/users/7")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD, OPTIONS, PUT")


@pytest.mark.parametrize("path", ["/a/", "//a", "/A", "/a%0a"])
def test_a_path_is_that_path_and_no_other(network: Network, path: str) -> None:
    assert ask(network, lambda: "here", path, "/a").status == 404


@pytest.mark.parametrize(
    ("at", "path", "values"),
    [
        ("/{a}-{b}", "/x-y-z", {"a": "x", "b": "y-z"}),
        ("/{a}.html", "/x.y.html", {"a": "x.y"}),
        ("/{a}^{b}", "/x^y", {"a": "x", "b": "y"}),
        ("/{a}-{b:int}", "/x-y-7", {"a": "x-y", "b": 7}),
        ("/{a:path}/{b}", "/x/y/z", {"a": "x/y", "b": "z"}),
        ("/{a:path}", "/x\ny", {"a": "x\ny"}),
        ("/{a}/{b}-{c}", "/x-x/y-z", {"a": "x-x", "b": "y", "c": "z"}),
    ],
)
def test_places_are_told_from_each_other(at: str, path: str, values: dict[str, object]) -> None:
    router = Router()
    pattern = router.pattern(at)
    assert router.find(path) == (pattern, values)
    assert [*router.matches(path)] == [(pattern, values)]


@pytest.mark.parametrize("at", ["/{a}-{b}.txt", "/{a}--{b}--{c}.txt", "/{a:path}/{b}-{c}.txt", "/{a}{b:int}x"])
def test_no_path_takes_long_to_be_refused(at: str) -> None:
    router = Router()
    router.pattern(at)
    for hostile in ("/" + "-" * 16_000, "/" * 16_000, "/" + "-/" * 8_000, "/" + "1" * 16_000):
        begun = process_time()
        assert router.find(hostile) is None
        assert process_time() - begun < 0.1


def dated(day: date, count: Annotated[int, Field(ge=1)], id: int) -> list[Any]:  # noqa: A002  the name counts
    return [day.year, count, id]


def test_places_are_checked_by_the_types_of_parameters(network: Network) -> None:
    site = Site()
    site.get("/{day}/{count:int}/{id}")(dated)
    client = WebClient(network, site)
    assert client.get("/2026-11-21/1/7").json() == [2026, 1, 7]
    errors = client.get("/today/0/7").json()["errors"]
    assert [error["where"] for error in errors] == ["path.day", "path.count"]


def odd(
    json: int,
    copy: int | None = None,
    tag: list[int] | None = None,
    *,
    model_config: str = "",
    x_one: Annotated[list[str], Header] = [],  # noqa: B006  nobody changes it
) -> list[Any]:
    return [json, copy, tag, model_config, x_one]


def test_parameters_are_called_as_one_likes(network: Network) -> None:
    answer = ask(network, odd, "/?json=9&json=1&copy=2&tag=3&tag=4&model_config=5", headers={"x-one": "a, b"})
    assert answer.json() == [1, 2, [3, 4], "5", ["a, b"]]


def test_what_is_required_is_missed(network: Network) -> None:
    answer = ask(network, odd, "/?tag=x")
    assert [tuple(error.values()) for error in answer.json()["errors"]] == [
        ("query.json", "Field required"),
        ("query.tag.0", "Input should be a valid integer, unable to parse string as an integer"),
    ]


def perhaps(item: Item | None = None) -> str:
    return item.name if item else "nothing"


def several(items: list[Item]) -> int:
    return len(items)


def anything(value: dict[str, Any]) -> Any:
    return value


def test_what_is_no_single_value_is_the_body(network: Network) -> None:
    site = Site()
    for function in (perhaps, several, anything):
        site.post(f"/{function.__name__}")(function)
    client = WebClient(network, site)
    assert client.post("/perhaps").text == "nothing"
    assert client.post("/perhaps", json={"name": "tea", "price": 1}).text == "tea"
    assert client.post("/perhaps", data=[("name", "tea"), ("price", "1"), ("tags", "a")]).text == "tea"
    assert client.post("/several", json=[{"name": "tea", "price": 1}]).json() == 1
    assert client.post("/anything", json={"a": [1]}).json() == {"a": [1]}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"name": "a", "price": NaN}', 400), (b'{"name": "a", "price": Infinity}', 400), (b"[" * 100_000, 422)],
)
def test_json_is_what_the_standard_says(network: Network, body: bytes, status: int) -> None:
    async def read(request: Request) -> None:
        await request.json()

    site = Site()
    site.post("/model")(make)
    site.post("/json")(read)
    client = WebClient(network, site)
    headers = {"content-type": "application/json"}
    assert client.post("/json", data=body, headers=headers).status == 400
    assert client.post("/model", data=body, headers=headers).status == status


def test_words_may_be_those_that_are_no_numbers(network: Network) -> None:
    assert ask(network, make, method="POST", json={"name": "NaN", "price": 1}).json()["name"] == "NaN"


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_numbers_that_json_lacks_are_null(network: Network, value: object) -> None:
    assert b"null" in ask(network, lambda: value).body


class Called:
    def __init__(self, word: str) -> None:
        self.word = word

    async def __call__(self, count: int) -> str:
        return self.word * count

    async def method(self, count: int) -> str:
        return self.word * count


@pytest.mark.parametrize("function", [Called("a"), Called("a").method, partial(Called("b").method, count=2)])
def test_whatever_can_be_called_is_a_handler(network: Network, function: Any) -> None:
    assert ask(network, function, "/?count=3").text == "aaa".replace("a", "b" if isinstance(function, partial) else "a")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("web.example:80", "http://web.example", 204),
        ("web.example", "https://web.example:443", 204),
        ("web.example:443", "http://web.example", 403),
        ("web.example:80", "https://web.example", 403),
        ("WEB.example", "http://web.EXAMPLE", 204),
        ("web.example", "http://[", 403),
        ("web.example", "web.example", 403),
        ("web.example", "http://web.example, http://web.example", 403),
    ],
)
def test_origins_are_compared_as_what_they_mean(network: Network, host: str, origin: str, status: int) -> None:
    answer = ask(network, lambda: None, method="POST", headers={"Host": host, "Origin": origin})
    assert answer.status == status


def test_no_origin_is_that_of_no_host(network: Network) -> None:
    site = Site()
    site.post("/")(lambda: None)
    peer = network_peer(network, site)
    peer.send(b"POST / HTTP/1.0\r\nOrigin: null\r\nContent-Length: 0\r\n\r\n")
    assert b" 403 " in peer.receive_until(b"\r\n")


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example", "null", "https://a.example/path"])
def test_an_origin_that_no_browser_says_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        Site(trusted_origins=[origin])


def test_mounts(network: Network) -> None:
    inner, outer = Site(), Site()
    inner.get("/{rest:path}")(lambda rest, request: [rest, request.link("/a b", q="ä&", n=[1, 2])])
    inner.get("/")(lambda: "root")
    outer.get("/own")(lambda: "own")
    outer.mount("/", inner)
    outer.mount("/käse", inner)
    client = WebClient(network, outer)
    assert client.get("/own").text == "own"
    assert client.get("/other").json() == ["other", "/a%20b?q=%C3%A4%26&n=1&n=2"]
    assert client.get("/k%C3%A4se/a").json() == ["a", "/k%C3%A4se/a%20b?q=%C3%A4%26&n=1&n=2"]
    assert client.get("/k%C3%A4se").text == "root"
    for wrong in ("in", "/in/"):
        with pytest.raises(ValueError, match="begins with a slash"):
            outer.mount(wrong, inner)
    with pytest.raises(ValueError, match="mounted already"):
        outer.mount("/", inner)


@pytest.mark.parametrize("path", ["", "a", "//evil.example"])
def test_a_link_leads_nowhere_else(network: Network, path: str) -> None:
    assert ask(network, lambda request: request.link(path)).status == 500
    assert "only one" in str(network.failures.pop())


def test_mounts_in_mounts(network: Network) -> None:
    inner, middle, outer = Site(), Site(), Site()
    inner.get("/a/b")(lambda: "as if it were at the root")
    inner.get("/")(lambda request: request.exchange.mount)
    middle.mount("/b", inner)
    outer.mount("/a", middle)
    assert WebClient(network, outer).get("/a/b").text == "/a/b"
