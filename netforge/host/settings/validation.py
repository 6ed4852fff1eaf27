"""One table against its model: renamed keys moved, and every error put into words with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netforge.host.settings.document import Document, dotted
from netforge.host.settings.positions import Key
from netforge.host.settings.problems import nearest
from netforge.plugin import Listen, Settings
from netforge.plugin.settings import Reading, renamed_from

__all__ = ["Rename", "validate"]

S = TypeVar("S", bound=Settings)

#: How much of a wrong value a message shows.
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Rename:
    """An old key that still works.

    :param key: where it stands.
    :param name: what it is called now.
    """

    key: Key
    name: str


def validate(
    document: Document,
    key: Key,
    table: Mapping[str, Any],
    model: type[S],
    listener: type[BaseModel],
    *,
    free_ports: bool = False,
) -> tuple[S | None, list[Rename]]:
    """Make a model of a table. What is wrong becomes problems of the document.

    :param key: where the table stands.
    :param listener: the model of a listener's table.
    :param free_ports: read every port as 0.
    :return: the model, or ``None`` where anything was wrong, and the renamed keys that were met.
    """
    table, renames = _renamed(document, key, table, model)
    try:
        reading = Reading(document.folder_of(key), listener, free_ports)
        return model.model_validate(table, context=reading), renames
    except ValidationError as error:
        failed = {problem.key for problem in document.problems}
        old_names = {(*rename.key[:-1], rename.name): rename.key for rename in renames}
        for details in error.errors(include_url=False):
            at = key + _location(table, details["loc"])
            wrong, message = _in_words(model, listener, at, details, _written(document, at))
            wrong = old_names.get(wrong, wrong)
            # A placeholder that could not be filled in is said once, not again by its type.
            if dotted(wrong) not in failed:
                document.add_problem(wrong, message)
        return None, renames


def _renamed(
    document: Document, key: Key, table: Mapping[str, Any], model: type[BaseModel]
) -> tuple[dict[str, Any], list[Rename]]:
    """The table under today's names, and the old names that were met, also in the tables within."""
    result, renames = dict(table), []
    for name, field in model.model_fields.items():
        for old in renamed_from(field):
            if old not in result:
                continue
            if name in result:
                document.add_problem((*key, old), f"is an old name of {name!r}, which is there too: remove one")
            else:
                renames.append(Rename((*key, old), name))
                result[name] = result[old]
            del result[old]
        for inner in _models(field.annotation):
            result[name], more = _renamed_within(document, (*key, name), result.get(name), inner)
            renames += more
    return result, renames


def _renamed_within(document: Document, key: Key, value: Any, model: type[BaseModel]) -> tuple[Any, list[Rename]]:
    match value:
        case dict():
            return _renamed(document, key, value, model)
        case list():
            pairs = [_renamed_within(document, (*key, number), one, model) for number, one in enumerate(value)]
            return [one for one, _ in pairs], [rename for _, renames in pairs for rename in renames]
        case _:
            return value, []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type names: directly, as one of several, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, list, tuple):
        for one in get_args(annotation):
            yield from _models(one)


def _location(table: Any, location: tuple[str | int, ...]) -> Key:
    """The part of pydantic's location that is a path in the table; it also names the branches of unions."""
    key: list[str | int] = []
    for number, part in enumerate(location):
        last = number == len(location) - 1
        if isinstance(table, dict) and (part in table or last):
            key.append(part)
            table = table.get(part)
        elif isinstance(table, list) and isinstance(part, int) and part < len(table):
            key.append(part)
            table = table[part]
    return tuple(key)


def _written(document: Document, key: Key) -> Any:
    """The value as the file has it, before placeholders were filled in."""
    value: Any = document.written
    for part in key:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _in_words(
    model: type[BaseModel], listener: type[BaseModel], key: Key, details: ErrorDetails, written: Any
) -> tuple[Key, str]:
    """What is wrong where, for the reader of the file."""
    name = str(details["loc"][-1]) if details["loc"] else ""
    around = _model_around(model, listener, details["loc"])
    match details["type"]:
        case "extra_forbidden":
            return key, f"unknown key{nearest(name, around.model_fields)}"
        case "missing":
            field = around.model_fields.get(name)
            what = f": {field.description}" if field is not None and field.description else ""
            return key, f"is required{what}"
        case "literal_error" | "enum":
            expected = str(details["ctx"]["expected"])
            known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
            return key, f"expected {expected}{_found(written)}{nearest(str(written), known)}"
        case _:
            message = details["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
            return key, message + ("" if "found" in message else _found(written))


def _model_around(
    model: type[BaseModel], listener: type[BaseModel], location: tuple[str | int, ...]
) -> type[BaseModel]:
    """The model whose key the last part of a location is."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = listener if _names(field.annotation, Listen) else next(_models(field.annotation), model)
    return model


def _names(annotation: Any, kind: type) -> bool:
    """Whether a type is *kind*, or is made of it."""
    return annotation is kind or any(_names(one, kind) for one in get_args(annotation))


def _found(written: Any) -> str:
    if written is None or isinstance(written, dict | list):
        return ""
    text = repr(written)
    return f"; found {text if len(text) <= SHOWN else text[:SHOWN] + '...'}"
