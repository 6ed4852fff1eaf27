"""Command-line flags of a settings model: one for each field, whatever command line they are for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netforge.plugin import Settings
from netforge.plugin.settings import short

__all__ = ["Flag", "flags", "table"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag.

    :param key: the setting's key.
    :param name: the flag without dashes before it: ``datagram-cap``; of a switch that is on by default, ``no-...``.
    :param help: what it is, with its default.
    :param switch: it takes no value.
    :param repeated: it may be given several times; the setting is a list.
    :param required: the setting has no default.
    :param short: the letter of its short form; empty if it has none.
    :param text: its value is a text, whatever that begins with.
    """

    key: str
    name: str
    help: str
    switch: bool
    repeated: bool
    required: bool
    short: str = ""
    text: bool = False


def flags(model: type[Settings]) -> Iterator[Flag]:
    """The flags of a model, in the order of its fields."""
    for key, field in model.model_fields.items():
        switch = field.annotation is bool
        # A key that would hide something of pydantic's ends in an underscore.
        name = key.rstrip("_").replace("_", "-")
        yield Flag(
            key,
            f"no-{name}" if switch and field.default is True else name,
            _help(field),
            switch,
            get_origin(field.annotation) in (list, tuple, set),
            field.is_required(),
            short(field),
            field.annotation is str,
        )


def table(given: Iterable[tuple[Flag, str | None]]) -> dict[str, Any]:
    """A service's table from the flags that were given, in their order, each with its value; a switch has ``None``.

    A value that begins with ``{`` or ``[`` is read as TOML, unless the setting is a text:
    ``--listen '{ address = "tcp:7", log = false }'``.

    :raises ValueError: if such a value is no TOML.
    """
    result: dict[str, Any] = {}
    for flag, text in given:
        value = not flag.name.startswith("no-") if text is None else _value(flag, text)
        if flag.repeated and not isinstance(value, list):
            result.setdefault(flag.key, []).append(value)
        else:
            result[flag.key] = value
    return result


def _value(flag: Flag, text: str) -> Any:
    if flag.text or not text.startswith(("{", "[")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"--{flag.name}: not TOML: {text}: {error}") from None


def _help(field: FieldInfo) -> str:
    text = field.description or ""
    if get_origin(field.annotation) is Literal:
        text += f": {', '.join(map(str, get_args(field.annotation)))}"
    if field.default is PydanticUndefined or field.default is None or isinstance(field.default, bool):
        return text
    default = field.default
    shown = " ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)
    return f"{text} [default: {shown}]" if shown else text
