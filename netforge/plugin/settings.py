"""Settings of a service: a typed model from which file, flags, schema and documentation are derived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from netforge.plugin.paths import expanded

__all__ = ["Field", "Reading", "Settings", "renamed_from", "short", "watched"]

RENAMED_FROM = "x-renamed-from"
SHORT = "x-short"
WATCH = "x-watch"


@dataclass(frozen=True)
class Reading:
    """Where settings are being read from. The host passes it to the validators of a model as their context.

    :param folder: what relative paths count from.
    :param listener: the model of a listener's whole table: its address and the keys of every installed layer.
    :param free_ports: whether every port is read as 0, so that the system chooses a free one.
    """

    folder: Path
    listener: type[BaseModel] | None = None
    free_ports: bool = False

    @classmethod
    def of(cls, info: ValidationInfo) -> Reading | None:
        """The reading that a validator runs in, or ``None`` outside a host (a test, an embedder)."""
        return info.context if isinstance(info.context, cls) else None


class Settings(BaseModel):
    """Base of every settings model: unknown keys are errors, instances never change, paths are absolute.

    The class docstring's first line becomes the title of the documentation page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="after")
    @classmethod
    def _paths_are_absolute(cls, value: Any, info: ValidationInfo) -> Any:
        reading = Reading.of(info)
        return value if reading is None else _absolute(value, reading.folder)


def _absolute(value: Any, folder: Path) -> Any:
    match value:
        case Path():
            return folder / expanded(value)
        case list() | tuple() | set() | frozenset():
            return type(value)(_absolute(one, folder) for one in value)
        case dict():
            return {key: _absolute(one, folder) for key, one in value.items()}
        case _:
            return value


def Field(  # noqa: N802  named as in pydantic, since it stands where pydantic's does
    default: Any = ...,
    *,
    description: str,
    default_factory: Callable[[], Any] | None = None,
    renamed_from: str | Sequence[str] = (),
    watch: bool = False,
    short: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Any:
    """One setting.

    :param default: its value when the file is silent; without one the setting is required.
    :param description: what it is, with unit and size, for whoever writes the file. No setting goes without.
    :param default_factory: makes the default, where it has to be made afresh.
    :param renamed_from: earlier names; a file that uses one still works, with a warning that ``netforge check --fix``
        mends.
    :param watch: for a path: the file's content counts as part of the setting, so that a reload restarts the service
        when the file has changed.
    :param short: for an option of a command: the letter of its short form, such as ``H`` for ``-H``.
    :param ge: the least number.
    :param gt: a number below the least.
    :param le: the greatest number.
    :param lt: a number above the greatest.
    :param min_length: the fewest characters of a string, or entries of a list.
    :param max_length: the most of them.
    :param pattern: a regular expression that a string matches.
    """
    extra: dict[str, Any] = {}
    if renamed_from:
        extra[RENAMED_FROM] = [renamed_from] if isinstance(renamed_from, str) else list(renamed_from)
    if watch:
        extra[WATCH] = True
    if short:
        extra[SHORT] = short
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt, "min_length": min_length, "max_length": max_length}
    arguments: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
    if pattern is not None:
        arguments["pattern"] = pattern
    if default_factory is not None:
        arguments["default_factory"] = default_factory
    else:
        arguments["default"] = default
    return pydantic.Field(description=description, json_schema_extra=extra or None, **arguments)


def renamed_from(field: FieldInfo) -> Sequence[str]:
    """The earlier names of a field made by :func:`Field`."""
    names: Sequence[str] = _extra(field).get(RENAMED_FROM, ())
    return names


def short(field: FieldInfo) -> str:
    """The letter of a field's short option; empty if it has none."""
    letter: str = _extra(field).get(SHORT, "")
    return letter


def watched(field: FieldInfo) -> bool:
    """Whether a field made by :func:`Field` counts a file's content as part of the setting."""
    return bool(_extra(field).get(WATCH))


def _extra(field: FieldInfo) -> Mapping[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
