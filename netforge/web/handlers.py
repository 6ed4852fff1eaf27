"""From a handler's signature to what calls it, with checks of each parameter by pydantic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from netforge.protocols.http import HTTPError
from netforge.web.parameters import Parameter, bare, hints_of, many_of, name_of, parameters_of
from netforge.web.request import Request
from netforge.web.users import User

__all__ = ["Handler", "Invalid"]

#: Where values come from whose types are checked.
_CHECKED = frozenset(("path", "query", "header", "cookie"))


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


class Handler:
    """A function, and how it is called.

    :param function: plain, or one that returns something to be awaited.
    :param places: the types of the places in the path.
    :raises TypeError: if a parameter cannot be had.
    """

    def __init__(self, function: Callable[..., Any], places: Mapping[str, type] = {}) -> None:
        self.function = function
        self.name = name_of(function)
        self.hints = hints_of(function)
        self.parameters = [*parameters_of(function, self.hints, places)]
        by_source: dict[str, list[Parameter]] = {}
        for parameter in self.parameters:
            by_source.setdefault(parameter.source, []).append(parameter)
        self.body = next(iter(by_source.get("body", ())), None)
        if len(by_source.get("body", ())) > 1:
            raise TypeError(f"{self.name}: only one parameter can be the body")
        self._requests = [parameter.name for parameter in by_source.get("request", ())]
        self._forms = [parameter.name for parameter in by_source.get("form", ())]
        self._users = [(one.name, bare(one.annotation) is User) for one in by_source.get("user", ())]
        self.sockets = [parameter.name for parameter in by_source.get("socket", ())]
        self._path = [parameter.name for parameter in by_source.get("path", ())]
        self._checked = [
            (one, self._adapter(one))
            for one in self.parameters
            if one.source in _CHECKED and one.annotation is not places.get(one.name)
        ]
        self._body_type = None if self.body is None else self._adapter(self.body)
        # Fields of the body that take every value of their name.
        self._many = frozenset[str]() if self.body is None else many_of(self.body.annotation)

    @property
    def needs_user(self) -> bool:
        """Whether it is for those alone who have logged in."""
        return any(needed for _, needed in self._users)

    def _adapter(self, parameter: Parameter) -> TypeAdapter[Any]:
        try:
            return TypeAdapter(parameter.annotation)
        except PydanticUserError:
            raise TypeError(
                f"{self.name}: no request has anything that {parameter.name} could be made of: {parameter.annotation!r}"
            ) from None

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
        for parameter, adapter in self._checked:
            if (value := _find(request, parameter)) is not None:
                try:
                    arguments[parameter.name] = adapter.validate_python(value)
                except ValidationError as error:
                    problems += _problems(parameter.where, error)
            elif parameter.required:
                problems.append((parameter.where, "Field required"))
        for name in self._forms:
            arguments[name] = await request.form()
        if self.body is not None:
            try:
                arguments[self.body.name] = await self._read_body(request)
            except ValidationError as error:
                problems += _problems("body", error)
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
        if not content and not self.body.required:
            return self.body.default
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise HTTPError(415, "the body must be JSON or a form", [(b"accept", b"application/json")])
        if b"NaN" in content or b"Infinity" in content:
            # Words that pydantic takes for numbers, and nobody else does.
            await request.json()
        return self._body_type.validate_json(content)


def _find(request: Request, parameter: Parameter) -> Any:
    name = parameter.external
    if parameter.source == "path":
        return request.values[name]
    if parameter.source == "cookie":
        return request.cookies.get(name)
    if parameter.source == "header":
        if not parameter.many:
            return request.header(name)
        lower = name.lower().encode()
        values = [value.decode("latin-1") for key, value in request.exchange.request.headers if key == lower]
    else:
        values = [value for key, value in request.query if key == name]
    if not values:
        return None
    return values if parameter.many else values[-1]


def _problems(where: str, error: ValidationError) -> list[tuple[str, str]]:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [(".".join([where, *map(str, one["loc"])]), one["msg"]) for one in errors]
