"""The server's side: a factory for any listening port."""

from __future__ import annotations

from functools import partial
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ServerFactory

from netforge.protocols.frames.interfaces import Codec, Connected, Framing, Handler, Lost, Refused
from netforge.protocols.frames.protocol import FrameProtocol

__all__ = ["FrameServerFactory"]

T = TypeVar("T")


class FrameServerFactory(ServerFactory[FrameProtocol[T]], Generic[T]):
    """Makes the connections of a server, each a :class:`FrameProtocol`, which says what the arguments are."""

    noisy = False

    def __init__(
        self,
        framing: Framing,
        codec: Codec[T],
        handler: Handler[T] | None = None,
        *,
        clock: IReactorTime,
        idle: float | None = 60.0,
        max_unsent: int | None = None,
        max_waiting: int = 16,
        on_connected: Connected[T] | None = None,
        on_lost: Lost[T] | None = None,
        on_error: Refused[T] | None = None,
    ) -> None:
        self.protocol = partial(
            FrameProtocol[T],
            framing,
            codec,
            clock=clock,
            handler=handler,
            idle=idle,
            max_unsent=max_unsent,
            max_waiting=max_waiting,
            on_connected=on_connected,
            on_lost=on_lost,
            on_error=on_error,
        )
