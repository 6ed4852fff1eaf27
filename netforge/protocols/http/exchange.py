"""A request and its response, as an application sees them: the same over every version of HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.http.errors import HTTPError
from netforge.protocols.http.events import Headers, Request
from netforge.protocols.interfaces import IStreamTransport

__all__ = ["Application", "Decoration", "ErrorPage", "Exchange", "Fields"]

log = Logger()

#: Fields of a response: names in any case, and values.
Fields = Iterable[tuple[bytes, bytes]]

#: Changes the fields of a response, in place, before they are said.
Decoration = Callable[[int, Headers], object]

#: Makes the fields and the body of a response of an error.
ErrorPage = Callable[[Request, HTTPError], tuple[Fields, bytes]]


class Exchange(ABC):
    """One request and its response.

    What is said after the client went away is dropped: :attr:`lost` and :meth:`when_lost` tell.

    :ivar request: the head of the request.
    :ivar transport: the connection that it came by, to look at and never to write to.
    :ivar clock: the time that the server goes by, such as the reactor.
    :ivar trailers: the fields after the body, once it has been read to its end.
    :ivar lost: whether the client is gone.
    :ivar complete: whether all of the response was said.
    :ivar status: of the response; 0 until it has begun.
    :ivar sent: bytes of its body so far.
    :ivar mount: the path below which whoever answers is mounted, without a slash at its end; empty for the root.
    :ivar route: what answers, such as the pattern of a path: for logs and metrics.
    :ivar user: the name of the account that the client has proved to be; empty if none.
    :ivar error_page: how :meth:`fail` puts an error; in plain text without it.
    """

    request: Request
    transport: IStreamTransport
    clock: IReactorTime
    trailers: Sequence[tuple[bytes, bytes]]
    lost: bool
    complete: bool
    status: int
    sent: int
    mount: str = ""
    route: str = ""
    user: str = ""
    error_page: ErrorPage | None = None

    @abstractmethod
    def read(self) -> Deferred[bytes]:
        """The next piece of the body; none at its end.

        A client that waits for ``100 Continue`` is told to go on. What is not read makes the client wait.

        :raises ConnectionError: through the Deferred, if the client goes away before the end.
        :raises RuntimeError: if the last piece has not come yet.
        """

    async def body(self, most: int) -> bytes:
        """All of the body, or all that is left of it.

        :param most: the most bytes that are taken.
        :raises HTTPError: with status 413, if there are more.
        :raises ConnectionError: as :meth:`read`.
        """
        length = self.request.header(b"content-length")
        if length is None or int(length) <= most:
            pieces = []
            while piece := await self.read():
                pieces.append(piece)
                most -= len(piece)
                if most < 0:
                    break
            else:
                return b"".join(pieces)
        raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")

    @abstractmethod
    def inform(self, status: int, headers: Fields = ()) -> None:
        """Send an interim response, such as 103 (RFC 8297).

        :raises LocalProtocolError: if the response has begun, or cannot be said.
        """

    @abstractmethod
    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        """Send a whole response.

        :raises LocalProtocolError: as :meth:`inform`.
        """

    @abstractmethod
    def begin(self, status: int, headers: Fields = ()) -> None:
        """Send the head of a response, whose body follows by :meth:`write` and :meth:`end`.

        :raises LocalProtocolError: as :meth:`inform`.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send a piece of the body.

        :raises LocalProtocolError: if it is not its turn, or is more than Content-Length promised.
        """

    @property
    def sends_files(self) -> bool:
        """Whether :meth:`send_file` may be of use."""
        return False

    async def send_file(self, descriptor: int, start: int, size: int) -> int:
        """Send a piece of the body out of a file, if there is a way that is quicker than :meth:`write`.

        What of the file the system does not have in memory is waited for in the thread of the reactor.

        :param descriptor: the file, which stays open.
        :param start: where the piece begins.
        :param size: of the piece, in bytes. Content-Length has promised them.
        :return: how many bytes were sent; none where there is no such way, or not now.
        """
        return 0

    @abstractmethod
    def ready(self) -> Deferred[None]:
        """Fires when the client has room for more, or is gone."""

    @abstractmethod
    def end(self, trailers: Fields = ()) -> None:
        """End the body.

        :raises LocalProtocolError: if it is not its turn, or if there is less than Content-Length promised: then the
            response is cut short, which the client notices.
        """

    @abstractmethod
    def abort(self) -> None:
        """Cut the response short, so that the client notices. Does nothing once it is complete."""

    @abstractmethod
    def switch(self, headers: Fields, protocol: IProtocol) -> None:
        """Agree to switch protocols (RFC 9110, section 7.8): from here the connection is *protocol*'s.

        :raises LocalProtocolError: if the client did not offer it, or the response has begun.
        """

    @abstractmethod
    def when_lost(self, call: Callable[[Failure], object]) -> None:
        """Have something called if the client goes away before the response is complete; never, if it is or has."""

    @abstractmethod
    def decorate(self, decoration: Decoration, *, pure: bool = False, last: bool = False) -> None:
        """Have the fields of the response changed before they are said, by each decoration in turn.

        :param pure: whether what it does depends on nothing but the status and the fields: then it need not be done
            anew for each response.
        :param last: whether its turn comes after all others. Of several such ones, the first has the last turn: so what
            stands around others has the last word.
        """

    @abstractmethod
    def when_done(self, call: Callable[[Exchange], object]) -> None:
        """Have something called once the response is complete or the client is gone; never, if that is so already."""

    def fail(self, failure: Failure) -> None:
        """Answer for an application that failed.

        :exc:`HTTPError` becomes the response that it describes, and what else there is goes into the log and becomes
        status 500; a response that has begun is cut short.
        """
        error = failure.value
        if not isinstance(error, HTTPError) or self.started:
            if not ((self.lost or self.complete) and isinstance(error, ConnectionError)):
                request = self.request
                log.failure(
                    "the application failed at {method} {target}", failure, method=request.method, target=request.target
                )
            if self.started:
                self.abort()
                return
            error = HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR)
        make = self.error_page
        fields, body = (error.fields, error.text.encode()) if make is None else make(self.request, error)
        self.respond(error.status, fields, body)

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether the response has begun."""


#: Is called with each request, as soon as its head is there. What it returns may be awaited, and then the response must
#: be complete at its end. What it raises, then or at once, becomes a response: see :meth:`Exchange.fail`.
Application = Callable[[Exchange], Awaitable[object] | None]
