"""What goes to and fro between a server and an application of ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = [
    "ASGIApp",
    "ClientDisconnected",
    "Message",
    "Scope",
    "due_to_loss",
    "fields_of",
    "unexpected",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
#: An application of ASGI 3.
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


class ClientDisconnected(ConnectionError):  # noqa: N818  the name says what happened
    """Raised to an application that sends something to a client that is gone, or has been answered in its stead."""

    def __init__(self) -> None:
        super().__init__("the client is gone")


def due_to_loss(error: BaseException | None) -> bool:
    """Whether an application failed for no other reason than that its client was gone."""
    while error is not None:
        if isinstance(error, ClientDisconnected):
            return True
        error = error.__cause__ or error.__context__
    return False


def fields_of(message: Message, size: int | None = None) -> tuple[tuple[bytes, bytes], ...]:
    """The fields in a message. How a body is framed is not the application's affair.

    :param size: of the whole body, if it is known: it need not be said then, and what need not be said is said faster.
    """
    said = b"" if size is None else b"%d" % size
    return tuple(
        [
            (name, value)
            for name, value in message.get("headers", ())
            if name != b"transfer-encoding" and (value != said or name != b"content-length")
        ]
    )


def unexpected(kind: object, expected: Iterable[str]) -> RuntimeError:
    """The error for a message that comes out of turn."""
    names = " or ".join(map(repr, expected))
    return RuntimeError(f"expected the ASGI message {names}, got {kind!r}" if names else f"got {kind!r} after the end")
