"""The parameters of a handler: where each comes from, by its type and its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import partial
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from netforge.protocols.websocket import WebSocket
from netforge.web.forms import Form
from netforge.web.request import Request
from netforge.web.users import User

__all__ = ["Body", "Cookie", "Header", "Parameter", "Query", "bare", "hints_of", "many_of", "name_of", "parameters_of"]

EMPTY = inspect.Parameter.empty


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
    """The value of a field. ``_`` in the parameter's name stands for ``-``. A list takes one value of each line."""

    place = "header"


class Cookie(Source):
    """The value of a cookie."""

    place = "cookie"


class Body(Source):
    """The body, as JSON or as a form, whichever it is. So is a parameter whose type is a model, a dataclass or a
    dictionary, or a list of such, or one of them or ``None``.
    """

    place = "body"


@dataclass(frozen=True)
class Parameter:
    """One of a handler's parameters.

    :ivar source: ``path``, ``request``, ``form``, ``socket``, ``user``, ``body``, ``query``, ``header`` or ``cookie``.
    :ivar external: its name there.
    """

    name: str
    external: str
    source: str
    annotation: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether the function cannot be called without it."""
        return self.default is EMPTY

    @property
    def where(self) -> str:
        """Where a problem with it is."""
        return f"{self.source}.{self.external}"

    @property
    def many(self) -> bool:
        """Whether it takes every value of its name."""
        return _is_many(self.annotation)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The types in a signature.

    :raises TypeError: if one cannot be found.
    """
    annotated: Any = function
    while isinstance(annotated, partial):
        annotated = annotated.func
    if not inspect.isroutine(annotated) and not inspect.isclass(annotated):
        annotated = type(annotated).__call__
    try:
        return get_type_hints(annotated, include_extras=True)
    except NameError as error:
        raise TypeError(f"{name_of(function)}: types are defined at the top of a module, and {error}") from None


def parameters_of(
    function: Callable[..., Any], hints: Mapping[str, Any], places: Mapping[str, type]
) -> Iterable[Parameter]:
    """The parameters of a function.

    :param hints: their types.
    :param places: the types of the places in the path.
    :raises TypeError: if one cannot be had.
    """
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"{name_of(function)}: {name} must be a parameter that has a name")
        if isinstance(parameter.default, (Source, FieldInfo)):
            raise TypeError(
                f"{name_of(function)}: what {name} is stands in its type: {name}: Annotated[..., Query()] = ..."
            )
        annotation = hints.get(name, places.get(name, str))
        source, external = _source(name, annotation, name in hints, places)
        yield Parameter(name, external, source, annotation, parameter.default)
    if missing := places.keys() - parameters.keys():
        raise TypeError(
            f"{name_of(function)}: the path has a place for {', '.join(sorted(missing))}, but it takes none"
        )


def _source(name: str, annotation: Any, hinted: bool, places: Mapping[str, type]) -> tuple[str, str]:
    """Where a parameter comes from, and its name there."""
    plain = bare(annotation)
    kind = plain if isinstance(plain, type) else object
    if name in places:
        source = "path"
    elif issubclass(kind, Request) or (name == "request" and not hinted):
        source = "request"
    elif issubclass(kind, WebSocket):
        source = "socket"
    elif issubclass(kind, Form):
        source = "form"
    elif User in (plain, *get_args(plain)):
        source = "user"
    elif (said := _said(annotation)) is not None:
        return said.place, said.name or _external(said.place, name)
    else:
        source = "body" if _is_body(plain) else "query"
    return source, name


def _said(annotation: Any) -> Source | None:
    """The source that a type names, perhaps without parentheses."""
    for one in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        if isinstance(one, Source):
            return one
        if isinstance(one, type) and issubclass(one, Source):
            return one()
    return None


def _external(place: str, name: str) -> str:
    return name.replace("_", "-") if place == "header" else name


def bare(annotation: Any) -> Any:
    """A type without what is said beside it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_many(annotation: Any) -> bool:
    plain = bare(annotation)
    origin = get_origin(plain) or plain
    if origin in (Union, UnionType):
        return any(map(_is_many, get_args(plain)))
    return origin in (list, set, tuple, frozenset)


def many_of(annotation: Any) -> frozenset[str]:
    """The fields of a model that take every value of their name."""
    plain = bare(annotation)
    if get_args(plain):
        return frozenset[str]().union(*map(many_of, get_args(plain)))
    fields: Mapping[str, Any] = {}
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in plain.model_fields.items()}
    elif isinstance(plain, type):
        fields = get_type_hints(plain, include_extras=True)
    return frozenset(name for name, annotation in fields.items() if _is_many(annotation))


def _is_body(annotation: Any) -> bool:
    plain = bare(annotation)
    kind = get_origin(plain) or plain
    if isinstance(kind, type) and (issubclass(kind, (BaseModel, Mapping)) or is_dataclass(kind)):
        return True
    return any(map(_is_body, get_args(plain)))


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called, for errors and descriptions."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)
