"""What a framing and a codec are, for those who bring their own."""

from __future__ import annotations

from typing import Protocol, TypeVar

from netforge.protocols.frames._decoder import Decoder

__all__ = ["Codec", "Framing"]

T = TypeVar("T")


class Framing(Protocol):
    """How a stream is divided into payloads: an immutable description that any number of connections share."""

    def encode(self, payload: bytes) -> bytes:
        """Make a frame.

        :raises LocalProtocolError: the payload is too long, or cannot be framed at all.
        """

    def decoder(self) -> Decoder:
        """Begin to read a stream."""


class Codec(Protocol[T]):
    """What payloads mean: an immutable description that any number of connections share."""

    def encode(self, message: T) -> bytes:
        """Write a message as a payload.

        :raises LocalProtocolError: the message cannot be expressed.
        """

    def decode(self, payload: bytes) -> T:
        """Read a payload.

        :raises RemoteProtocolError: the payload is no such message.
        """
