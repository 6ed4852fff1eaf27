"""A request and its response, as an application sees them: the same over every version of HTTP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, ITransport
from twisted.python.failure import Failure

from netforge.protocols.http.events import Headers, Request

__all__ = ["Application", "Exchange", "Fields"]

#: Fields of a response: names in any case, and values.
Fields = Iterable[tuple[bytes, bytes]]


class Exchange(ABC):
    """One request and its response.

    What is said after the client went away is dropped: :attr:`lost` and :meth:`when_lost` tell.

    :ivar request: the head of the request.
    :ivar transport: the connection that it came by, to look at and never to write to.
    :ivar trailers: the fields after the body, once it has been read to its end.
    :ivar lost: whether the client is gone.
    """

    request: Request
    transport: ITransport
    trailers: Headers
    lost: bool

    @abstractmethod
    def read(self) -> Deferred[bytes]:
        """The next piece of the body; none at its end.

        A client that waits for ``100 Continue`` is told to go on. What is not read makes the client wait.

        :raises ConnectionError: through the Deferred, if the client goes away before the end.
        :raises RuntimeError: if the last piece has not come yet.
        """

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
        """Have something called if the client goes away before the response is complete."""

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether the response has begun."""


#: Is called with each request, as soon as its head is there. What it raises becomes a response with status 500.
Application = Callable[[Exchange], object]
