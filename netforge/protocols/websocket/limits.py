"""How much a peer may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a peer may send, and how long it may be silent.

    :param message: the most bytes of a message, once it is inflated. A larger one ends the WebSocket, with code 1009.
    :param unread: the most messages that wait to be received before the peer is made to wait.
    :param unread_size: the same, in bytes or characters. The last of the messages may go beyond it.
    :param silence: seconds without a word from the peer until it is pinged; ``None`` for never.
    :param answer: seconds that it then has to show that it is there.
    :param close: seconds for the closing, until the connection is cut.
    """

    message: int = 1024 * 1024
    unread: int = 64
    unread_size: int = 64 * 1024
    silence: float | None = 20.0
    answer: float = 20.0
    close: float = 10.0
