"""What a site can be asked, described for programs (OpenAPI 3.1) and on a page for people."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from netforge.web.parameters import Parameter
from netforge.web.request import Request
from netforge.web.responses import HTML, Response
from netforge.web.routing import PLACE
from netforge.web.site import SOCKET, Route, Site
from netforge.web.templates import Templates

__all__ = ["add_openapi", "describe"]

_PAGES = Templates("netforge.web:pages")
_SCHEMAS = "#/components/schemas/{model}"
#: Those that OpenAPI knows.
_METHODS = frozenset(("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"))
#: Where parameters are that are described as such.
_IN = frozenset(("path", "query", "header", "cookie"))


def add_openapi(
    site: Site, title: str, version: str = "1", *, path: str = "/openapi.json", page: str = "/docs"
) -> None:
    """Serve the description of a site at a path, and a page made of it at another.

    Routes that are added later are described too.
    """
    known: list[Route] = []
    api: dict[str, Any] = {}

    def current() -> dict[str, Any]:
        # Made once: it takes its time.
        if known != site.routes:
            known[:] = site.routes
            api.update(describe(site, title, version, without=(path, page)))
        return api

    @site.get(path)
    def description(request: Request) -> dict[str, Any]:
        """Describe this API (OpenAPI)."""
        return current() | {"servers": [{"url": request.link("/").removesuffix("/") or "/"}]}

    @site.get(page)
    def documentation() -> HTML:
        """Show this API on a page."""
        return _PAGES.page("api.html", api=current(), source=path)


def describe(site: Site, title: str, version: str = "1", *, without: Iterable[str] = ()) -> dict[str, Any]:
    """The description of a site's routes, without those at some paths, and without those for WebSockets."""
    shown = [route for route in site.routes if route.method != SOCKET and route.pattern.text not in {*without}]
    schemas = _Schemas(shown)
    paths: dict[str, dict[str, Any]] = {}
    for route in shown:
        path = PLACE.sub(r"{\1}", route.pattern.text)
        if route.method in _METHODS:
            paths.setdefault(path, {}).setdefault(route.method.lower(), _operation(route, schemas))
    _tell_apart(operation for methods in paths.values() for operation in methods.values())
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": schemas.definitions},
    }


def _tell_apart(operations: Iterable[dict[str, Any]]) -> None:
    """Number the names of operations that are called the same."""
    counts: dict[str, int] = {}
    for operation in operations:
        name = operation["operationId"]
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > 1:
            operation["operationId"] = f"{name}_{counts[name]}"


class _Schemas:
    """The JSON Schemas of everything that handlers take and return."""

    def __init__(self, routes: Iterable[Route]) -> None:
        inputs = [one for route in routes for one in _inputs(route)]
        made, rest = TypeAdapter.json_schemas(inputs, ref_template=_SCHEMAS, schema_generator=_Generator)
        self._made = {key: schema for (key, _), schema in made.items()}
        self.definitions: Mapping[str, Any] = rest.get("$defs", {})

    def of(self, route: Route, parameter: str = "") -> Any:
        """The schema of a parameter, or of what is returned; ``None`` if nothing is known of that."""
        return self._made.get((route, parameter))


def _inputs(route: Route) -> Iterable[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]]:
    """What schemas are wanted of a route, as pydantic has it."""
    for parameter in route.handler.parameters:
        if parameter.source in _IN or parameter.source == "body":
            yield (route, parameter.name), "validation", TypeAdapter(parameter.annotation)
    if (returned := _returned(route)) is not None:
        yield (route, ""), "serialization", returned


class _Generator(GenerateJsonSchema):
    """Says that a file is one, and of what else JSON Schema has no words for, nothing."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Describe what pydantic cannot."""
        return {"type": "string", "format": "binary"}


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(route.handler.function) or "").partition("\n")
    name = route.handler.name.rpartition(".")[2].strip("<>")
    operation: dict[str, Any] = {"operationId": f"{route.method.lower()}_{name}"}
    if summary:
        operation["summary"] = summary.rstrip(".")
    if description.strip():
        operation["description"] = description.strip()
    parameters = [_parameter(one, schemas.of(route, one.name)) for one in route.handler.parameters if one.source in _IN]
    if parameters:
        operation["parameters"] = parameters
    body = route.handler.body
    if body is not None:
        schema = {"schema": schemas.of(route, body.name)}
        kinds = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")
        operation["requestBody"] = {"required": body.required}
        operation["requestBody"]["content"] = dict.fromkeys(kinds, schema)
    returned = schemas.of(route)
    good: dict[str, Any] = {"description": "Done"}
    if returned is not None and returned.get("type") != "null":
        good["content"] = {"application/json": {"schema": returned}}
    operation["responses"] = {"204" if returned == {"type": "null"} else "200": good}
    if parameters or body is not None:
        operation["responses"]["422"] = {"description": "Something in the request is not as it must be"}
    if route.handler.needs_user:
        operation["responses"]["401"] = {"description": "Nobody has logged in"}
    return operation


def _parameter(parameter: Parameter, schema: Any) -> dict[str, Any]:
    required = parameter.required or parameter.source == "path"
    return {"name": parameter.external, "in": parameter.source, "required": required, "schema": schema}


def _returned(route: Route) -> TypeAdapter[Any] | None:
    """What JSON a handler returns, if it says that it returns any."""
    returned = route.handler.hints.get("return")
    if isinstance(origin := get_origin(returned), type) and issubclass(origin, Awaitable):
        returned = get_args(returned)[-1]
    kinds = get_args(returned) if get_origin(returned) in (Union, UnionType) else (returned,)
    if returned in (None, Any, object):
        return None
    if any(isinstance(kind, type) and issubclass(kind, (Response, bytes, str)) for kind in kinds):
        return None
    try:
        return TypeAdapter(returned)
    except PydanticUserError:
        return None
