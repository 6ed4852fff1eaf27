"""Protocol Buffers, https://protobuf.dev/programming-guides/encoding/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames._library import load

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["Protobuf"]

M = TypeVar("M", bound="Message")


class Protobuf(Generic[M]):
    """Messages of Protocol Buffers. Fields that the class does not know are kept, and sent on.

    :param message_class: what ``protoc`` generated.
    :raises ImportError: protobuf is not installed.
    """

    def __init__(self, message_class: type[M]) -> None:
        errors = load("google.protobuf.message", "Protobuf")
        self._message_class = message_class
        self._encode_error: type[Exception] = errors.EncodeError
        self._decode_error: type[Exception] = errors.DecodeError

    def encode(self, message: M) -> bytes:
        """Write a message.

        :raises LocalProtocolError: the message is of another class, or lacks a required field.
        """
        if not isinstance(message, self._message_class):
            raise LocalProtocolError(f"expected {self._message_class.__name__}, found {type(message).__name__}")
        try:
            return message.SerializeToString()
        except self._encode_error as error:
            raise LocalProtocolError(f"cannot be expressed: {error}") from error

    def decode(self, payload: bytes) -> M:
        """Read a message.

        :raises RemoteProtocolError: this is no such message, or it lacks a required field.
        """
        try:
            message = self._message_class.FromString(payload)
        except self._decode_error as error:
            raise RemoteProtocolError(f"not {self._message_class.__name__}: {error}") from error
        if not message.IsInitialized():
            raise RemoteProtocolError(f"not {self._message_class.__name__}: a required field is missing")
        return message
