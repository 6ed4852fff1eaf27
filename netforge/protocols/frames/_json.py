"""JSON, RFC 8259, as narrow as I-JSON, RFC 7493, so that all parsers agree on what a message says."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._library import load

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["JSON"]

T = TypeVar("T")


class JSON(Generic[T]):
    """JSON: with a model, messages of that type; without one, whatever Python's ``json`` makes.

    Written as UTF-8, compact, without a line feed: it fits :class:`Lines`. Refused both ways: NaN and the infinities,
    integers of more digits than Python converts (4300 unless set otherwise), lone surrogates, nesting beyond Python's
    recursion limit. Refused from a peer, too: one name twice in an object, numbers beyond a double's range, a byte
    order mark.

    :param model: any type that pydantic validates, such as a model, a dataclass or a union of them.
    :raises ImportError: there is a model, and pydantic is not installed.
    """

    @overload
    def __init__(self: JSON[Any]) -> None: ...
    @overload
    def __init__(self, model: type[T]) -> None: ...
    @overload
    def __init__(self, model: Any) -> None: ...
    def __init__(self, model: Any = None) -> None:
        self._adapter: TypeAdapter[Any] | None = None
        if model is not None:
            self._adapter = load("pydantic", "JSON with a model").TypeAdapter(model)

    def encode(self, message: T) -> bytes:
        """Write a message.

        :raises LocalProtocolError: JSON or the model cannot express it.
        """
        value: Any = message
        try:
            if self._adapter is not None:
                value = self._adapter.dump_python(message, mode="json", by_alias=True, warnings="error")
            return _ENCODER.encode(value).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise LocalProtocolError(f"cannot be expressed in JSON: {error}") from error

    def decode(self, payload: bytes) -> T:
        """Read a message.

        :raises RemoteProtocolError: this is not JSON, or not what the model wants.
        """
        try:
            text = payload.decode()
            value = _DECODER.decode(text)
            if "\\ud" in text or "\\uD" in text:
                _ENCODER.encode(value).encode()  # has no bytes for a lone surrogate
        except (ValueError, RecursionError) as error:
            raise RemoteProtocolError(f"not JSON: {error}") from error
        return value if self._adapter is None else self._validate(self._adapter, payload)

    def _validate(self, adapter: TypeAdapter[Any], payload: bytes) -> T:
        # Of the payload, not of the value: only so pydantic applies its rules for JSON.
        try:
            message: T = adapter.validate_json(payload)
        except ValueError as error:
            raise RemoteProtocolError(f"not the JSON expected: {_summary(error)}") from error
        return message


def _summary(error: Any) -> str:
    """Where a validation failed and why, in one line."""
    return "; ".join(
        ": ".join(filter(None, [".".join(map(str, one["loc"])), one["msg"]]))
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice in an object")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.40} is beyond the range of a double")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
