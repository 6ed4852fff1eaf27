"""Descriptions of sites."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel
from twisted.internet.defer import Deferred

from netforge.testing import Network, WebClient
from netforge.web import HTML, Header, Request, Site, Upload, User, add_openapi, describe


class Item(BaseModel):
    name: str
    price: float = 0


@dataclass
class Found:
    items: list[Item]


class Picture(BaseModel):
    file: Upload


def shop() -> Site:
    site = Site()

    @site.get("/items/{id:int}")
    def find(request: Request, user: User | None, id: int, page: int = 1, *, x_lang: Annotated[str, Header()]) -> Found:  # noqa: A002
        """Find items.

        All <of> them.
        """
        raise NotImplementedError

    @site.post("/items")
    def add(item: Item) -> None:
        """Add an item."""

    @site.put("/picture")
    def draw(picture: Picture) -> HTML:
        raise NotImplementedError

    return site


def test_an_api_is_described() -> None:
    api: Any = describe(shop(), "Shop", "2")
    assert api["info"] == {"title": "Shop", "version": "2"}
    find = api["paths"]["/items/{id}"]["get"]
    assert (find["summary"], find["description"]) == ("Find items", "All <of> them.")
    assert [(one["name"], one["in"], one["required"], one["schema"].get("type")) for one in find["parameters"]] == [
        ("id", "path", True, "integer"),
        ("page", "query", False, "integer"),
        ("x-lang", "header", True, "string"),
    ]
    assert find["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Found"}
    add = api["paths"]["/items"]["post"]
    assert add["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Item"}
    assert set(add["responses"]) == {"204", "422"}
    assert api["components"]["schemas"]["Item"]["required"] == ["name"]
    assert api["components"]["schemas"]["Picture"]["properties"]["file"]["format"] == "binary"


def test_the_description_is_served_with_a_page(network: Network) -> None:
    site = shop()
    add_openapi(site, "Shop & Co")
    client = WebClient(network, site)
    assert [*client.get("/openapi.json").json()["paths"]] == ["/items", "/picture", "/items/{id}"]
    page = client.get("/docs")
    assert page.header("content-type") == "text/html; charset=utf-8"
    assert "Shop &amp; Co" in page.text
    assert "All &lt;of&gt; them." in page.text
    assert "/items/{id}" in page.text


class Strange:
    pass


def items() -> list[str]:
    raise NotImplementedError


def either() -> Item | None:
    raise NotImplementedError


def page() -> HTML | Item:
    raise NotImplementedError


def strange() -> Strange:
    raise NotImplementedError


def later() -> Deferred[Item]:
    raise NotImplementedError


def untyped(id):  # type: ignore[no-untyped-def]  # noqa: A002  as people write
    raise NotImplementedError


def schema_of(function: Any, at: str = "/") -> Any:
    site = Site()
    site.get(at)(function)
    [paths] = describe(site, "")["paths"].values()
    return paths["get"]


def test_what_is_returned_is_described_as_far_as_it_is_json() -> None:
    def returned(function: Any) -> Any:
        content = schema_of(function)["responses"]["200"].get("content")
        return content and content["application/json"]["schema"]

    assert returned(items) == {"type": "array", "items": {"type": "string"}}
    assert returned(either)["anyOf"][1] == {"type": "null"}
    assert returned(later) == {"$ref": "#/components/schemas/Item"}
    assert returned(page) is None
    assert returned(strange) is None
    assert returned(lambda: None) is None


def test_odd_handlers_are_described() -> None:
    untyped_place = schema_of(untyped, "/{id:int}")["parameters"][0]
    assert (untyped_place["schema"], untyped_place["required"]) == ({"type": "integer"}, True)
    assert schema_of(partial(items))["operationId"] == "get_items"


def test_operations_are_told_apart() -> None:
    site = Site()
    for path in ("/a", "/b", "/{x:int}", "/{x}"):
        site.get(path)(items if "x" not in path else untyped_x)
    site.route("/a", "PURGE")(items)
    paths: Any = describe(site, "")["paths"]
    assert [*paths] == ["/a", "/b", "/{x}"]
    assert [paths[path]["get"]["operationId"] for path in paths] == ["get_items", "get_items_2", "get_untyped_x"]
    assert [*paths["/a"]] == ["get"]
    [place] = paths["/{x}"]["get"]["parameters"]
    assert (place["schema"], place["required"]) == ({"type": "integer"}, True)


def untyped_x(x=7):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def test_who_must_log_in_is_described() -> None:
    def private(user: User) -> None:
        raise NotImplementedError

    def public(user: User | None) -> None:
        raise NotImplementedError

    assert "401" in schema_of(private)["responses"]
    assert "401" not in schema_of(public)["responses"]


def test_routes_that_come_later_and_the_mount_are_described(network: Network) -> None:
    inner, outer = Site(), Site()
    add_openapi(inner, "Shop")
    outer.mount("/shop", inner)
    client = WebClient(network, outer)
    assert client.get("/shop/openapi.json").json()["paths"] == {}
    inner.get("/items")(items)
    api = client.get("/shop/openapi.json").json()
    assert ([*api["paths"]], api["servers"]) == (["/items"], [{"url": "/shop"}])
    root = WebClient(network, inner, "root.example").get("/openapi.json").json()
    assert root["servers"] == [{"url": "/"}]
