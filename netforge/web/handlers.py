"""From a handler's signature to what calls it: where each parameter comes from, and checks of its type by pydantic."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from netforge.protocols.http import HTTPError
from netforge.protocols.websocket import WebSocket
from netforge.web.request import Request
from netforge.web.users import User

__all__ = ["Body", "Cookie", "Handler", "Header", "Invalid", "Query"]


class Source:
    """Where a parameter comes from, said by ``Annotated[int, Header("x-count")]``.

    :param name: as it is called there; the parameter's name if empty.
    """

    place = ""

    def __init__(self, name: str = "") -> None:
        self.name = name


class Query(Source):
    """A value of the query. So is a parameter that says nothing else; a list takes all values of the name."""

    place = "query"


class Header(Source):
    """The value of a field. ``_`` in the parameter's name stands for ``-``."""

    place = "header"


class Cookie(Source):
    """The value of a cookie."""

    place = "cookie"


class Body(Source):
    """The body, as JSON or as a form, whichever it is. So is a parameter whose type is a model or a dataclass."""

    place = "body"


class Invalid(HTTPError):  # noqa: N818  the status says that it is one
    """A request whose parameters are not as they must be: status 422.

    :ivar problems: place and name, and what is wrong there.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = [*problems]
        super().__init__(422, "; ".join(f"{where}: {what}" for where, what in self.problems))
        self.fields = [(b"content-type", b"application/problem+json")]

    @property
    def text(self) -> str:
        """Problem details (RFC 9457), with an extension ``errors``."""
        errors = [{"where": where, "what": what} for where, what in self.problems]
        return json.dumps({"status": 422, "title": self.status.phrase, "detail": self.message, "errors": errors})


@dataclass(frozen=True)
class Parameter:
    """One of a handler's parameters.

    :ivar source: ``path``, ``request``, ``socket``, ``user``, ``body``, ``query``, ``header`` or ``cookie``.
    :ivar external: its name there.
    """

    name: str
    external: str
    source: str
    annotation: Any
    default: Any

    @property
    def many(self) -> bool:
        """Whether it takes every value of its name."""
        return _is_many(self.annotation)


class Handler:
    """A function, and how it is called.

    :param function: plain, or one that returns something to be awaited.
    :param places: the types of the places in the path.
    :raises TypeError: if a parameter cannot be had.
    """

    def __init__(self, function: Callable[..., Any], places: Mapping[str, type] = {}) -> None:
        self.function = function
        self.parameters = [*_parameters(function, places)]
        by_source: dict[str, list[Parameter]] = {}
        for parameter in self.parameters:
            by_source.setdefault(parameter.source, []).append(parameter)
        self.body = next(iter(by_source.get("body", ())), None)
        if len(by_source.get("body", ())) > 1:
            raise TypeError(f"{_name(function)}: only one parameter can be the body")
        self._requests = [parameter.name for parameter in by_source.get("request", ())]
        self._users = [(one.name, _bare(one.annotation) is User) for one in by_source.get("user", ())]
        self.sockets = [parameter.name for parameter in by_source.get("socket", ())]
        self._path = [parameter.name for parameter in by_source.get("path", ())]
        self._simple = {source: by_source[source] for source in ("query", "header", "cookie") if source in by_source}
        self._models = {source: _model(source, found) for source, found in self._simple.items()}
        self._body_type = TypeAdapter(self.body.annotation) if self.body is not None else None
        # Fields of the body that take every value of their name.
        self._many = _many(_bare(self.body.annotation)) if self.body is not None else frozenset()

    async def arguments(self, request: Request) -> dict[str, Any]:
        """What to call the function with, save a WebSocket.

        :raises Invalid: if the request does not have it.
        :raises HTTPError: as :meth:`Request.need_user` and :meth:`Request.form`.
        """
        arguments: dict[str, Any] = dict.fromkeys(self._requests, request)
        for name in self._path:
            arguments[name] = request.values[name]
        for name, needed in self._users:
            arguments[name] = await (request.need_user() if needed else request.user())
        problems: list[tuple[str, str]] = []
        for source, parameters in self._simple.items():
            found = {one.name: value for one in parameters if (value := _find(request, one)) is not None}
            try:
                model = self._models[source].model_validate(found)
            except ValidationError as error:
                problems += _problems(source, error, {one.name: one.external for one in parameters})
            else:
                arguments |= {one.name: getattr(model, one.name) for one in parameters}
        if self.body is not None:
            try:
                arguments[self.body.name] = await self._read_body(request)
            except ValidationError as error:
                problems += _problems("body", error, {})
        if problems:
            raise Invalid(problems)
        return arguments

    async def _read_body(self, request: Request) -> Any:
        assert self._body_type is not None
        assert self.body is not None
        media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if media_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
            form = await request.form()
            return self._body_type.validate_python(form.values(self._many.__contains__))
        content = await request.body()
        if not content and self.body.default is not inspect.Parameter.empty:
            return self.body.default
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise HTTPError(415, "the body must be JSON or a form", [(b"accept", b"application/json")])
        return self._body_type.validate_json(content)


def _parameters(function: Callable[..., Any], places: Mapping[str, type]) -> Iterable[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{_name(function)}: {name} must be a parameter that has a name")
        annotation = hints.get(name, str)
        said = next((one for one in get_args(annotation)[1:] if isinstance(one, Source)), None)
        bare = _bare(annotation)
        if name in places:
            source, external = "path", name
        elif (isinstance(bare, type) and issubclass(bare, Request)) or (name not in hints and name == "request"):
            source, external = "request", name
        elif isinstance(bare, type) and issubclass(bare, WebSocket):
            source, external = "socket", name
        elif User in (bare, *get_args(bare)):
            source, external = "user", name
        elif said is not None:
            source, external = said.place, said.name or _external(said.place, name)
        elif _is_model(bare):
            source, external = "body", name
        else:
            source, external = "query", name
        yield Parameter(name, external, source, annotation, parameter.default)
    if missing := set(places) - set(inspect.signature(function).parameters):
        raise TypeError(f"{_name(function)}: the path has a place for {', '.join(sorted(missing))}, but it takes none")


def _external(place: str, name: str) -> str:
    return name.replace("_", "-") if place == "header" else name


def _find(request: Request, parameter: Parameter) -> Any:
    name = parameter.external
    if parameter.source == "header":
        return request.header(name)
    if parameter.source == "cookie":
        return request.cookies.get(name)
    values = [value for key, value in request.query if key == name]
    if not values:
        return None
    return values if parameter.many else values[-1]


def _model(source: str, parameters: Iterable[Parameter]) -> type[BaseModel]:
    empty = inspect.Parameter.empty
    fields: dict[str, Any] = {
        one.name: (one.annotation, ... if one.default is empty else one.default) for one in parameters
    }
    return create_model(source, __config__=ConfigDict(arbitrary_types_allowed=True), **fields)


def _problems(source: str, error: ValidationError, names: Mapping[str, str]) -> list[tuple[str, str]]:
    problems = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = [names.get(str(part), str(part)) for part in one["loc"]]
        problems.append((".".join([source, *path]), one["msg"]))
    return problems


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_many(annotation: Any) -> bool:
    return get_origin(_bare(annotation)) in (list, set, tuple, frozenset)


def _many(model: Any) -> frozenset[str]:
    hints = get_type_hints(model, include_extras=True) if isinstance(model, type) else {}
    return frozenset(name for name, annotation in hints.items() if _is_many(annotation))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation))


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
