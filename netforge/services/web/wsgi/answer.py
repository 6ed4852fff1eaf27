"""The response of an application: said in its thread, sent by the reactor."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from types import TracebackType
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.protocols.http import Exchange
from netforge.services.web.wsgi.crossing import Cross

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

__all__ = ["Answer"]

#: Bytes that an application may be ahead of the client.
AHEAD = 64 * 1024

#: Fields of a connection, which is the server's (PEP 3333, "Other HTTP Features").
CONNECTION_FIELDS = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)


class Answer:
    """The response to one request.

    A response that is whole in its first piece crosses to the reactor in one call.

    :param exchange: what is answered.
    :param cross: has the reactor make a call.
    """

    def __init__(self, exchange: Exchange, cross: Cross) -> None:
        self._exchange = exchange
        self._cross = cross
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        # What is left of Content-Length.
        self._length: int | None = None
        self._begun = False
        self._whole = False
        self._failed = False
        self._ahead = 0
        self._changed: Condition | None = None

    # What the application does, in its thread.

    @property
    def gone(self) -> bool:
        """Whether nobody hears the rest: the client is gone, or somebody else has answered, as at a deadline."""
        return self._failed or self._exchange.lost or self._exchange.complete

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """Take status and fields, which are sent with the first piece of the body (PEP 3333).

        :param exc_info: why what was given before does not count.
        :return: :meth:`say`.
        :raises RuntimeError: if they were given before.
        :raises ValueError: if they cannot be sent.
        """
        if exc_info is not None and self._begun:
            error: BaseException | None = exc_info[1]
            trace: TracebackType | None = exc_info[2]
            raise error.with_traceback(trace) if error else RuntimeError("exc_info has no exception")
        if exc_info is None and self._head is not None:
            raise RuntimeError("the application has called start_response twice, without exc_info")
        self._length = None
        fields = []
        for name, value in headers:
            lower = name.lower()
            if lower == "content-length":
                self._length = int(value)
            elif lower in CONNECTION_FIELDS:
                continue
            fields.append((name.encode("latin-1"), value.encode("latin-1")))
        self._head = int(status[:3]), fields
        return self.say

    def say(self, piece: bytes, *, last: bool = False) -> None:
        """Send a piece of the body, and wait while the client is slow.

        :param last: whether it is known that no other follows.
        :raises ConnectionAbortedError: if the client is gone.
        :raises RuntimeError: before ``start_response``, and after all of Content-Length.
        """
        if not isinstance(piece, bytes):
            raise TypeError(f"a WSGI application answers with bytes, not {type(piece).__name__}")
        if not piece:
            return
        if self._whole or (self._length is not None and len(piece) > self._length):
            raise RuntimeError("the application says more than its Content-Length")
        if not self._begun:
            status, fields = self._taken_head()
            if len(piece) <= AHEAD and (len(piece) == self._length or (last and self._length is None)):
                self._whole = True
                self._cross(self._send, self._exchange.respond, status, fields, piece)
                return
            if last and self._length is None:
                fields.append((b"content-length", b"%d" % len(piece)))
            self._changed = Condition()
            self._cross(self._send, self._exchange.begin, status, fields)
        if self._length is not None:
            self._length -= len(piece)
        for start in range(0, len(piece), AHEAD):
            self._say_part(piece[start : start + AHEAD])

    def end(self) -> None:
        """End the body, which may be empty."""
        if not self._begun:
            status, fields = self._taken_head()
            self._cross(self._send, self._exchange.respond, status, fields)
        elif not self._whole:
            self._whole = True
            self._cross(self._send, self._exchange.end)

    def fail(self) -> None:
        """Have the exception that is being handled take the place of what is left to say."""
        self._cross(self._fail, Failure())

    def _taken_head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        if self._head is None:
            raise RuntimeError("the application has not called start_response")
        self._begun = True
        return self._head

    def _say_part(self, part: bytes) -> None:
        assert self._changed is not None
        with self._changed:
            self._ahead += len(part)
            self._cross(self._write, part)
            while self._ahead > AHEAD and not self.gone:
                self._changed.wait()
        if self.gone:
            raise ConnectionAbortedError("the client has gone away")

    # What the reactor does.

    def _send(self, send: Callable[..., object], *arguments: object) -> None:
        if self._failed or self._exchange.complete:
            return
        try:
            send(*arguments)
        except Exception:
            self._fail(Failure())

    def _write(self, part: bytes) -> None:
        self._send(self._exchange.write, part)
        ready: Deferred[None] = self._exchange.ready()
        ready.addBoth(self._written, len(part))

    def _written(self, _: object, size: int) -> None:
        assert self._changed is not None
        with self._changed:
            self._ahead -= size
            self._changed.notify()

    def _fail(self, failure: Failure) -> None:
        # Who could not go on, since somebody else has answered, has not failed.
        if not self._failed and not (self._exchange.complete and failure.check(ConnectionAbortedError)):
            self._failed = True
            self._exchange.fail(failure)
