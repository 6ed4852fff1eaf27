"""What a framing and a codec are, for those who bring their own, and what a connection calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from twisted.python.failure import Failure

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames._decoder import Decoder

if TYPE_CHECKING:
    from netforge.protocols.frames.protocol import FrameProtocol

__all__ = ["Codec", "Connected", "Framing", "Handler", "Lost", "Refused"]

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


Handler: TypeAlias = Callable[["FrameProtocol[T]", T], object]
"""What takes the messages: a function, one that returns a Deferred, or a coroutine function."""

Connected: TypeAlias = Callable[["FrameProtocol[T]"], object]
"""What is called first; of the same three kinds."""

Lost: TypeAlias = Callable[["FrameProtocol[T]", Failure], object]
"""What is called last, with the reason."""

Refused: TypeAlias = Callable[["FrameProtocol[T]", RemoteProtocolError], object]
"""What is called when the peer broke a rule."""
