"""The reference of a settings model: reStructuredText for whoever writes the file, made from the model alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from textwrap import indent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from netforge.plugin import Listen
from netforge.plugin.settings import renamed_from, watched

__all__ = ["keys_of", "reference"]

NOUNS = {str: "text", int: "whole number", float: "number", bool: "switch", Path: "path", Listen: "listener"}
BOUNDS = {
    "gt": "more than {}",
    "ge": "at least {}",
    "lt": "less than {}",
    "le": "at most {}",
    "min_length": "{} or more {unit}",
    "max_length": "{} or fewer {unit}",
    "pattern": "like ``{}``",
}


def reference(title: str, model: type[BaseModel], examples: Iterable[str] = ()) -> str:
    """A section on the keys of a model, those of the tables within it included.

    :param title: its heading, as plain text.
    :param examples: settings files in TOML that show the keys in use.
    :return: reStructuredText.
    """
    heading = _plain(title)
    blocks = [f"{heading}\n{'-' * len(heading)}", cleandoc(model.__doc__ or ""), *_keys(model)]
    blocks += [".. code-block:: toml\n\n" + indent(example.strip("\n"), "    ") for example in examples]
    return "\n\n".join(block for block in blocks if block) + "\n"


def keys_of(model: type[BaseModel]) -> str:
    """The keys of a model, those of the tables within it included, in reStructuredText."""
    return "\n\n".join(_keys(model))


def _keys(model: type[BaseModel]) -> Iterator[str]:
    if not model.model_fields:
        yield "It has no keys."
    for key, field in model.model_fields.items():
        yield f"``{key}``\n" + indent("\n\n".join(_about(field)), "    ")


def _about(field: FieldInfo) -> Iterator[str]:
    """What there is to say of one key, a paragraph each."""
    kind = ", ".join([_words(field.annotation), *_bounds(field)])
    yield f"{_sentence(kind)} {_default(field)}"
    yield _sentence(_plain(field.description or ""))
    if watched(field):
        yield "A reload notices when the content of the file has changed."
    if names := renamed_from(field):
        yield f"Earlier called {', '.join(f'``{name}``' for name in names)}."
    for inner in _models(field.annotation):
        yield from _keys(inner)


def _words(annotation: Any) -> str:
    """A type, for people."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in NOUNS:
        return NOUNS[annotation]
    if origin in (Union, UnionType):
        return " or ".join(_words(one) for one in inner if one is not NoneType)
    if origin is Literal:
        return f"one of {', '.join(f'``{_toml(one)}``' for one in inner)}"
    if origin in (list, tuple, set, frozenset):
        return f"list of {_words(inner[0])}s"
    if any(_models(annotation)):
        return "table" if origin is None else "table of tables"
    return getattr(annotation, "__name__", str(annotation))


def _bounds(field: FieldInfo) -> Iterator[str]:
    unit = "characters" if str in (field.annotation, *get_args(field.annotation)) else "entries"
    for name, words in BOUNDS.items():
        for bound in (getattr(one, name, None) for one in field.metadata):
            if bound is not None:
                yield words.format(f"{bound:g}" if isinstance(bound, float) else bound, unit=unit)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "Required."
    default = field.get_default(call_default_factory=True, validated_data={})
    return "Optional." if default is None or isinstance(default, BaseModel) else f"Default: ``{_toml(default)}``."


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)


def _toml(value: Any) -> str:
    """A value as a settings file has it."""
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, default=str, ensure_ascii=False)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _plain(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)
