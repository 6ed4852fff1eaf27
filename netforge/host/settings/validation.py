"""One table against its model: renamed keys moved, and every error put into words with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netforge.host.settings.document import Document
from netforge.host.settings.positions import Key
from netforge.host.settings.problems import nearest
from netforge.plugin import Listen, Settings
from netforge.plugin.settings import Reading, renamed_from

__all__ = ["Rename", "as_written", "validate"]

S = TypeVar("S", bound=Settings)

#: How much of a wrong value a message shows.
SHOWN = 60

#: How pydantic begins: "Input should be ...", "List should have ...".
PYDANTIC = re.compile(r"^\w+ should (?:be |have |match )?")
#: How pydantic goes on where the value that was found says as much.
DETAILS = re.compile(r"(?:, unable to | after validation).*")

#: What pydantic says of a number's bounds, in fewer words; and what it calls the bound.
BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}

#: What pydantic says in Python's words, in TOML's.
EXPECTED = {
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "set_type": "expected a list",
    "path_type": "expected a path",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}


@dataclass(frozen=True, slots=True)
class Rename:
    """An old key that still works.

    :param key: where it stands, as the file has it.
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
    today, renames = _renamed(document, key, table, [model], listener)
    try:
        reading = Reading(document.folder_of(key), listener, free_ports)
        return model.model_validate(today, context=reading), renames
    except ValidationError as error:
        wrong: dict[Key, list[tuple[ErrorDetails, Sequence[type[BaseModel]]]]] = {}
        for details in error.errors(include_url=False):
            inner, models = _trace(today, model, listener, details["loc"])
            wrong.setdefault(as_written(key + inner, renames), []).append((details, models))
        for at, found in wrong.items():
            # A placeholder that could not be filled in is said once, not again by its type.
            if at not in document.unfilled:
                document.add_problem(at, _in_words(document, at, found))
        return None, renames


def as_written(key: Key, renames: Iterable[Rename]) -> Key:
    """A key as the file has it, for one in which every name is today's."""
    for rename in renames:
        today = (*rename.key[:-1], rename.name)
        if key[: len(today)] == today:
            key = rename.key + key[len(today) :]
    return key


def _renamed(
    document: Document, key: Key, value: Any, kinds: Sequence[Any], listener: type[BaseModel]
) -> tuple[Any, list[Rename]]:
    """A value under today's names, and the old names that were met in it, outer ones first.

    :param key: where it stands, as the file has it.
    :param kinds: what it may be.
    """
    renames: list[Rename] = []
    if isinstance(value, Mapping):
        result: Any = dict(value)
        for model in _models(kinds):
            for name, field in model.model_fields.items():
                for old in renamed_from(field):
                    if old in result and name in result:
                        document.add_problem((*key, old), f"is an old name of {name!r}, which is there too: remove one")
                        del result[old]
                    elif old in result:
                        renames.append(Rename((*key, old), name))
                        result[name] = result.pop(old)
        parts = list(result.items())
    elif isinstance(value, list):
        result = list(value)
        parts = list(enumerate(value))
    else:
        return value, []
    outer = list(renames)
    for part, one in parts:
        at = as_written((*key, part), outer)
        result[part], more = _renamed(document, at, one, _inside(kinds, part, listener), listener)
        renames += more
    return result, renames


def _kinds(annotation: Any, listener: type[BaseModel]) -> Iterator[Any]:
    """What a type allows, one by one: each part of a union, and for a listener the model of its table."""
    if annotation is Listen:
        yield listener
    elif get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _kinds(one, listener)
    elif get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0], listener)
    else:
        yield annotation


def _inside(kinds: Iterable[Any], part: str | int, listener: type[BaseModel]) -> Sequence[Any]:
    """What may stand at a key or an index of what is one of *kinds*."""
    found: list[Any] = []
    for kind in kinds:
        allowed = get_args(kind)
        if _is_model(kind):
            allowed = (kind.model_fields[part].annotation,) if part in kind.model_fields else ()
        for one in allowed:
            found += _kinds(one, listener)
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _models(kinds: Iterable[Any]) -> Sequence[type[BaseModel]]:
    return [kind for kind in kinds if _is_model(kind)]


def _trace(
    table: Any, model: type[BaseModel], listener: type[BaseModel], location: tuple[str | int, ...]
) -> tuple[Key, Sequence[type[BaseModel]]]:
    """Where one of pydantic's locations leads in a table, and the models whose key its last part may be.

    A location also names the branches of unions, which are no keys.
    """
    key: list[str | int] = []
    value, kinds, around = table, [model], [model]
    for part in location:
        if _holds(value, part) or any(part in one.model_fields for one in _models(kinds)):
            key.append(part)
            value = value[part] if _holds(value, part) else None
            around, kinds = kinds, list(_inside(kinds, part, listener))
    return tuple(key), _models(around)


def _holds(value: Any, part: str | int) -> bool:
    return part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))


def _in_words(document: Document, key: Key, found: Sequence[tuple[ErrorDetails, Sequence[type[BaseModel]]]]) -> str:
    """What is wrong with one value, for the reader of the file. Each branch of a union may have its own complaint."""
    written = document.value_written(key)
    said = [_complaint(details, models, written) for details, models in found]
    first, *others = dict.fromkeys(document.masked(key, complaint) for complaint, _ in said)
    complaint = " or ".join([first, *(one.removeprefix("expected ") for one in others)])
    return complaint + max((end for _, end in said), key=len)


def _complaint(details: ErrorDetails, models: Iterable[type[BaseModel]], written: Any) -> tuple[str, str]:
    """What is wrong, and what to say after it: the value that was found, the nearest right word."""
    name = str(details["loc"][-1]) if details["loc"] else ""
    match details["type"]:
        case "extra_forbidden":
            return "unknown key", nearest(name, [known for model in models for known in model.model_fields])
        case "missing":
            fields = [model.model_fields[name] for model in models if name in model.model_fields]
            return ": ".join(["is required", *(one.description for one in fields if one.description)][:2]), ""
        case "literal_error" | "enum":
            expected = str(details["ctx"]["expected"])
            known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
            return f"expected {expected}", _found(written) + nearest(str(written), known)
        case kind if kind in BOUNDS:
            words, bound = BOUNDS[kind]
            return f"expected {words} {details['ctx'][bound]:g}", _found(written)
        case "list_type" if isinstance(written, str):
            return "expected a list", f"{_found(written)}, which wants brackets around it"
        case kind:
            message = EXPECTED.get(kind) or details["msg"].removeprefix("Value error, ")
            message = PYDANTIC.sub("expected ", DETAILS.sub("", message))
            return message, "" if "found" in message else _found(written)


def _found(written: Any) -> str:
    if written is None or isinstance(written, dict | list):
        return ""
    text = repr(written)
    return f"; found {text if len(text) <= SHOWN else text[:SHOWN] + '...'}"
