"""A request that a client has sent, and its response."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IProtocol

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http._requests import RequestWriter
from netforge.protocols.http.errors import ResponseCut
from netforge.protocols.http.events import Headers, Response
from netforge.protocols.http.exchange import Fields

if TYPE_CHECKING:
    from netforge.protocols.http.client import HTTPClientProtocol

__all__ = ["OutgoingExchange"]

#: The most bytes of a body that wait to be read before the server is made to wait.
MOST_UNREAD = 64 * 1024

T = TypeVar("T")


class OutgoingExchange:
    """One request and its response, on the client's side. Made by :meth:`HTTPClientProtocol.begin`.

    :ivar head: the head of the response, once it has come.
    :ivar trailers: the fields after the body, once it has been read to its end.
    :ivar over: whether nothing more will come, since all has or the connection is lost.
    """

    def __init__(
        self, connection: HTTPClientProtocol, writer: RequestWriter, informed: Callable[[Response], object] | None
    ) -> None:
        self.head: Response | None = None
        self.trailers: Headers = []
        self.over = False
        self._connection = connection
        self._writer = writer
        self._informed = informed
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._error: Exception | None = None
        self._heading: Deferred[Response] | None = None
        self._reading: Deferred[bytes] | None = None

    # The request.

    @property
    def sent(self) -> bool:
        """Whether all of the request was said."""
        return self._writer.complete

    def write(self, data: bytes) -> None:
        """Send a piece of the body. Dropped if the exchange is over.

        :raises LocalProtocolError: if the body has ended, or would be longer than was promised.
        """
        self._connection.say(self, self._writer.data(data))

    def ready(self) -> Deferred[None]:
        """Fires when the server has room for more, or the connection is lost."""
        return self._connection.when_writable()

    def end(self, trailers: Fields = ()) -> None:
        """End the body.

        :raises LocalProtocolError: if it has ended, or is shorter than was promised.
        """
        self._connection.say(self, self._writer.end(trailers))

    # The response.

    def response(self) -> Deferred[Response]:
        """The head of the response, interim ones apart.

        :raises NoResponse: through the Deferred, if the connection is lost before anything has come.
        :raises ResponseCut: if it is lost later.
        :raises ResponseTimeout: if the server is silent.
        :raises BadResponse: if what comes is no response.
        """
        if self.head is not None:
            return succeed(self.head)
        if self._error is not None:
            return fail(self._error)
        self._heading = Deferred(self._forget)
        return self._heading

    def read(self) -> Deferred[bytes]:
        """The next piece of the body; none at its end. What is not read makes the server wait.

        :raises ResponseCut: through the Deferred, and the other errors of :meth:`response`.
        :raises RuntimeError: if the last piece has not come yet.
        """
        if self._reading is not None:
            raise RuntimeError("the last piece has not come yet")
        if self._pieces:
            piece = self._pieces.popleft()
            self._unread -= len(piece)
            self._connection.balance()
            return succeed(piece)
        if self._error is not None:
            return fail(self._error)
        if self.over:
            return succeed(b"")
        self._reading = Deferred(self._forget)
        return self._reading

    def whole(self) -> bytes | None:
        """All of the body, if it has come already and nothing of it was read; else ``None``."""
        if not self.over or self._error is not None or self.trailers:
            return None
        body = b"".join(self._pieces)
        self._pieces.clear()
        return body

    def abort(self, error: Exception | None = None) -> None:
        """Give the exchange up, and with it the connection. Does nothing if it is over.

        :param error: what whoever waits for something of the response is told.
        """
        if not self.over:
            self._connection.give_up(self, error or ResponseCut("the request was given up"))

    def switch(self, protocol: IProtocol) -> None:
        """After ``101``: from here the connection is *protocol*'s.

        :raises LocalProtocolError: if the server has not agreed, or the connection is lost.
        """
        if self.over or self.head is None or self.head.status != 101:
            raise LocalProtocolError("the protocol is not to be switched")
        self.over = True
        self._connection.switch(protocol)

    # What the connection tells.

    @property
    def full(self) -> bool:
        """Whether the server must wait: for the body to be read, or for the new protocol."""
        return self._unread > MOST_UNREAD or (self.head is not None and self.head.status == 101)

    @property
    def starved(self) -> bool:
        """Whether a body is missing that the server should send."""
        return not self._pieces

    def head_received(self, response: Response) -> None:
        """The head of the response, or an interim one, has come."""
        if response.status < 200 and response.status != 101:
            if self._informed is not None:
                self._informed(response)
            return
        self.head = response

    def tell(self) -> None:
        """Tell whoever waits that the head has come, with as much of the body as came with it."""
        if self._heading is not None and self.head is not None:
            waiting, self._heading = self._heading, None
            waiting.callback(self.head)

    def data_received(self, data: bytes) -> None:
        """A piece of the body has come."""
        if self._reading is not None:
            waiting, self._reading = self._reading, None
            waiting.callback(data)
        else:
            self._pieces.append(data)
            self._unread += len(data)

    def ended(self, trailers: Headers) -> None:
        """The response is complete."""
        self.trailers = trailers
        self.over = True
        if self._reading is not None:
            waiting, self._reading = self._reading, None
            waiting.callback(b"")

    def failed(self, error: Exception) -> None:
        """Nothing more will come, though it should."""
        self._error = error
        self.over = True
        heading, self._heading = self._heading, None
        reading, self._reading = self._reading, None
        for waiting in (heading, reading):
            if waiting is not None:
                waiting.errback(error)

    def _forget(self, cancelled: Deferred[T]) -> None:
        if cancelled is self._heading:
            self._heading = None
        else:
            self._reading = None
