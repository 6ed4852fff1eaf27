"""Descriptions of sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel

from netforge.testing import Network, WebClient
from netforge.web import HTML, Header, Request, Site, Upload, User, add_openapi, describe


class Item(BaseModel):
    name: str
    price: float = 0


@dataclass
class Found:
    items: list[Item]


class Picture(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
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
