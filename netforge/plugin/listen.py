"""``Listen``: the table of a listener in a settings file, with a string as its shorthand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, SchemaSerializer, core_schema

from netforge.plugin.address import Address, Internet, Unix, parse_address
from netforge.plugin.settings import Field, Reading

__all__ = ["Listen"]


@dataclass(frozen=True, slots=True, init=False)
class Listen:
    """A place to listen on. The host binds every one that it finds in a service's settings.

    In a file: ``listen = "tcp:7007"``, or ``listen = { address = "tcp:7007", log = false }`` where the further keys
    belong to the installed layers.

    :param address: the address, or its text; see :func:`~netforge.plugin.parse_address`.
    :param keys: the layers' keys that were given, by name.
    :raises ValueError: if the text is no address.
    """

    address: Address
    keys: Mapping[str, Any] = field(hash=False)

    def __init__(self, address: Address | str, keys: Mapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "address", parse_address(address) if isinstance(address, str) else address)
        object.__setattr__(self, "keys", keys or {})

    @property
    def datagram(self) -> bool:
        """Whether it takes a :class:`Datagram` rather than a :class:`Stream`."""
        return self.address.datagram

    def __str__(self) -> str:
        return str(self.address)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(cls._plain)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        address = {
            "type": "string",
            "description": "such as tcp:127.0.0.1:7007, udp:7, unix:/run/x.sock, fd:3",
        }
        table = {
            "type": "object",
            "title": "Listener",
            "properties": {"address": address},
            "required": ["address"],
        }
        return {"anyOf": [address, table]}

    @classmethod
    def _validate(cls, value: Any, info: ValidationInfo) -> Listen:
        reading = Reading.of(info)
        if isinstance(value, Listen):
            listen = value
        elif isinstance(value, str):
            listen = cls(value)
        elif isinstance(value, dict):
            # The model names wrong keys one by one, below this listener's place in the file.
            model = ListenerTable if reading is None or reading.listener is None else reading.listener
            model.model_validate(value, context=reading)
            listen = cls(value["address"], {key: one for key, one in value.items() if key != "address"})
        else:
            raise ValueError("expected an address or a table with one")  # noqa: TRY004  what pydantic catches
        return listen if reading is None else cls(_placed(listen.address, reading), listen.keys)

    @property
    def __pydantic_serializer__(self) -> SchemaSerializer:
        """How pydantic writes a listener where no field tells: a default in a JSON schema, also within a list."""
        return _SERIALIZER

    def _plain(self) -> str | dict[str, Any]:
        return {"address": str(self), **self.keys} if self.keys else str(self)


_SERIALIZER = SchemaSerializer(
    core_schema.any_schema(serialization=core_schema.plain_serializer_function_ser_schema(Listen._plain))
)


def _placed(address: Address, reading: Reading) -> Address:
    match address:
        case Unix(path):
            return Unix(reading.folder / path)
        case Internet(kind, host) if reading.free_ports:
            return Internet(kind, host, 0)
        case _:
            return address


class ListenerTable(BaseModel, extra="forbid"):
    """A listener's table where no layer is installed; the host extends it by the layers' keys."""

    address: str = Field(description="where to listen, such as tcp:127.0.0.1:7007")

    @field_validator("address")
    @classmethod
    def _can_be_parsed(cls, address: str) -> str:
        parse_address(address)
        return address
