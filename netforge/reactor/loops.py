"""The loop, and its coroutines that need not be awaited."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import socket

    from uvloop import Loop

    from netforge.reactor.streams import Stream

_Result = TypeVar("_Result")

__all__ = ["NotReading", "begin", "new_loop", "result_of", "ride"]


class NotReading(Exception):  # noqa: N818  it is no error
    """Raised to uvloop by ``connection_made``: it starts to read after it in any case, unless that fails."""


def new_loop() -> Loop:
    """A uvloop.

    :raises ImportError: uvloop is not installed.
    """
    try:
        import uvloop  # noqa: PLC0415  an optional library
    except ImportError as error:
        raise ImportError("the forge reactor needs uvloop, which is not installed: pip install uvloop") from error
    return uvloop.new_event_loop()


def result_of(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """The result of a coroutine of uvloop's that never waits.

    :raises RuntimeError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("_Result", end.value)
    coroutine.close()
    raise RuntimeError(f"uvloop's {coroutine!r} was expected to finish at once, and waits")


def begin(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine of uvloop's that waits just once, for its new transport to tell its protocol in the next turn."""
    made = coroutine.send(None)
    made.add_done_callback(partial(_end, coroutine))


def _end(coroutine: Coroutine[Any, Any, object], made: object) -> None:
    """Run it to its end: if it were only collected, it would close the transport."""
    with suppress(StopIteration):
        coroutine.send(None)


def ride(loop: Loop, stream: Stream, connected: socket.socket, **options: Any) -> None:
    """Put a stream on uvloop's transport of a connected socket, from the next turn of the loop on.

    :param options: those of ``connect_accepted_socket``, for TLS.
    """
    begin(loop.connect_accepted_socket(lambda: stream, connected, **options))
