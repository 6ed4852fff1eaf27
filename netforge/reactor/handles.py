"""The socket of a stream, as the stream's users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netforge.reactor.streams import Stream

__all__ = ["StreamHandle"]


class StreamHandle:
    """What may be done to a stream's socket: see its names and its number, set
    its options, ``dup``, ``shutdown`` and ``close`` it.

    The descriptor is uvloop's, hence no reading or writing. Closing it drops the connection from this process, and
    leaves it to whoever has a duplicate of the descriptor.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream.transport_socket, name)

    def shutdown(self, how: int) -> None:
        """Shut down one way or both, as ``socket.shutdown``."""
        with self._stream.transport_socket.dup() as duplicate:
            duplicate.shutdown(how)

    def close(self) -> None:
        """Close this process's descriptor: the connection is lost here."""
        self._stream.leave()
