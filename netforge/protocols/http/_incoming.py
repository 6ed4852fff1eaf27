"""The half of an exchange that is the same in every version of HTTP: the body of the request, and who is told what."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http.events import Headers, Request
from netforge.protocols.http.exchange import Decoration, Exchange, Fields
from netforge.protocols.interfaces import IStreamTransport

__all__ = ["IncomingExchange", "decorated"]

log = Logger()

GONE = "the client went away in the middle of the request"


def decorated(status: int, fields: Fields, decorations: Iterable[Decoration]) -> Headers:
    """The fields as decorations change them."""
    changed = [*fields]
    for decoration in decorations:
        decoration(status, changed)
    return changed


class IncomingExchange(Exchange):
    """See :class:`~netforge.protocols.http.Exchange`.

    :ivar received: whether the whole request has come.
    """

    # What few exchanges have need of is made when it is needed.
    _pieces: deque[bytes] | None = None
    _reader: Deferred[bytes] | None = None
    _losses: list[Callable[[Failure], object]] | None = None
    _decorations: tuple[Decoration, ...] = ()
    _last_decorations = 0
    _pure = True
    _observers: list[Callable[[Exchange], object]] | None = None

    trailers: Sequence[tuple[bytes, bytes]] = ()
    lost = False
    complete = False
    status = 0
    sent = 0

    def __init__(self, request: Request, transport: IStreamTransport) -> None:
        self.request = request
        self.transport = transport
        self.received = not request.has_body
        # Whether the client must be told to go on.
        self._held_back = request.expects and request.has_body

    # What the application asks for.

    def read(self) -> Deferred[bytes]:
        if self._reader is not None:
            raise RuntimeError("the last piece has not come yet")
        if self._pieces:
            piece = self._pieces.popleft()
            self._taken(len(piece))
            return succeed(piece)
        if self.received:
            return succeed(b"")
        if self.lost:
            return fail(ConnectionError(GONE))
        if self._held_back and not self.started:
            self._held_back = False
            self.inform(HTTPStatus.CONTINUE)
        self._reader = Deferred(self._forget_reader)
        return self._reader

    def when_lost(self, call: Callable[[Failure], object]) -> None:
        if self._losses is None:
            self._losses = []
        self._losses.append(call)

    def decorate(self, decoration: Decoration, *, pure: bool = False, last: bool = False) -> None:
        if self._last_decorations:
            known = self._decorations
            place = len(known) - self._last_decorations
            self._decorations = (*known[:place], decoration, *known[place:])
        else:
            self._decorations += (decoration,)
        self._last_decorations += last
        self._pure &= pure

    def when_done(self, call: Callable[[Exchange], object]) -> None:
        if self._observers is None:
            self._observers = []
        self._observers.append(call)

    # What the connection tells.

    @property
    def waiting(self) -> bool:
        """Whether something is missing that the client should send."""
        return not self.received and not self._pieces

    def data_received(self, data: bytes) -> None:
        """A piece of the body has come."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._taken(len(data))
            reader.callback(data)
        else:
            if self._pieces is None:
                self._pieces = deque()
            self._pieces.append(data)

    def ended(self) -> None:
        """The request is complete."""
        self.received = True
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.callback(b"")

    def connection_lost(self, reason: Failure) -> None:
        """The client is gone."""
        self.lost = True
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.errback(ConnectionError(GONE))
        losses, self._losses = self._losses or (), None
        for call in losses:
            with log.failureHandler("what was to be called for a lost client failed"):
                call(reason)
        self._done()

    # What versions do in their own ways, or need.

    @abstractmethod
    def _taken(self, size: int) -> None:
        """So many bytes of the body have been read."""

    def _decorated(self, status: int, fields: Fields) -> Fields:
        return decorated(status, fields, self._decorations) if self._decorations else fields

    def _done(self) -> None:
        """The response is complete, or never will be."""
        self._losses = None
        if self._observers is None:
            return
        observers, self._observers = self._observers, None
        for call in observers:
            try:
                call(self)
            except Exception:
                log.failure("what was to be called after a response failed")

    def _forget_reader(self, cancelled: Deferred[bytes]) -> None:
        self._reader = None
