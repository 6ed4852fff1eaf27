"""Tables that may be written as a single value: that of their first key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from netforge.plugin import Settings

__all__ = ["Short", "written_out"]


def written_out(model: type[BaseModel], value: Any) -> Any:
    """The table that a value is short for; an empty one for ``true``."""
    if isinstance(value, Mapping | BaseModel):
        return value
    return {} if value is True else {next(iter(model.model_fields)): value}


class Short(Settings):
    """Settings that may be written as the value of their first key: ``rate = 9`` for ``rate = { requests = 9 }``."""

    @model_validator(mode="before")
    @classmethod
    def _write_out(cls, value: Any) -> Any:
        return written_out(cls, value)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        table = handler(schema)
        first = handler.resolve_ref_schema(table)["properties"][next(iter(cls.model_fields))]
        return {"anyOf": [table, first, {"type": "boolean"}]}
