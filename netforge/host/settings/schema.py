"""JSON Schema of a settings file, for editors: it completes and checks keys as they are typed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from netforge.host.discovery import Catalogue, Registry
from netforge.host.settings.model import HostSettings

__all__ = ["schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a file that uses any of the plugins of a catalogue. Broken plugins are left out."""
    names = {"type": ["string", "array"], "items": {"type": "string"}}
    document = {
        "$schema": DIALECT,
        "title": "netforge settings",
        "type": "object",
        "properties": {
            "include": {**names, "description": "further settings files, with * for many"},
            "netforge": _of(HostSettings),
            "services": _tables(catalogue.services),
            "shared": _tables(catalogue.shared),
        },
        "additionalProperties": False,
    }
    _add_layer_keys(document, _of(catalogue.listener_table)["properties"])
    return document


def _tables(registry: Registry[Any]) -> dict[str, Any]:
    """Tables of any name: each is of the service that its key ``service`` names, or else its own name."""
    tables = {plugin.name: _of(plugin.settings) for plugin in registry.working()}
    named: list[dict[str, Any]] = []
    for name, model in tables.items():
        model["properties"] = {
            "service": {"const": name, "description": "which service this is"},
            **model["properties"],
        }
        named.append({**model, "required": ["service", *model.get("required", [])]})
    return {"type": "object", "properties": tables, "additionalProperties": {"anyOf": named}}


def _of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema with its definitions put where they are used, so that schemas can be put together."""
    found = model.model_json_schema()
    definitions = found.pop("$defs", {})
    return _inlined(found, definitions) if definitions else found


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    match part:
        case {"$ref": str(name), **others}:
            return {**_inlined(definitions[name.rsplit("/", 1)[1]], definitions), **others}
        case dict():
            return {key: _inlined(one, definitions) for key, one in part.items()}
        case list():
            return [_inlined(one, definitions) for one in part]
        case _:
            return part


def _add_layer_keys(part: Any, keys: dict[str, Any]) -> None:
    """Give every listener's table the keys of the installed layers."""
    match part:
        case {"title": "Listener", "properties": dict(properties)}:
            properties |= {name: key for name, key in keys.items() if name != "address"}
            part["additionalProperties"] = False
        case dict():
            for one in part.values():
                _add_layer_keys(one, keys)
        case list():
            for one in part:
                _add_layer_keys(one, keys)
