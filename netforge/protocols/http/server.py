"""A Twisted server for HTTP."""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory, IReactorTime
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from netforge.protocols.http._http1 import HTTP1Protocol
from netforge.protocols.http._surroundings import Surroundings
from netforge.protocols.http.dates import DateField
from netforge.protocols.http.exchange import Application

__all__ = ["HTTPFactory"]


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(ServerFactory[HTTP1Protocol]):
    """Serves an application over HTTP/1.1 and HTTP/2, whichever a client begins to speak.

    :param application: called with each :class:`~netforge.protocols.http.Exchange`, as soon as the head is there. May
        be a coroutine function.
    :param clock: where the time comes from, such as the reactor.
    :param idle: seconds that a client may take for the whole head of a request, to begin another one, and without
        progress for anything else. ``None`` for ever.
    :param max_head: the most bytes of a request's head, and of its trailers.
    :param max_fields: the most fields in either.
    """

    noisy = False

    def __init__(
        self,
        application: Application,
        clock: IReactorTime,
        *,
        idle: float | None = 60.0,
        max_head: int = 16 * 1024,
        max_fields: int = 100,
    ) -> None:
        self._surroundings = Surroundings(application, clock, DateField(clock), idle, max_head, max_fields)

    def acceptableProtocols(self) -> list[bytes]:
        """What is agreed on in TLS (RFC 7301)."""
        return [b"h2", b"http/1.1", b"http/1.0"]

    def retire(self, *, retired: bool = True) -> None:
        """Have every connection end after its next response, which says so: another factory has taken over.

        No request is lost by it, as one could be that a client sends while a connection is closed under it. One on
        which nothing more is asked ends when it has been idle for its time.

        :param retired: ``False`` takes it back.
        """
        self._surroundings.retired = retired

    def buildProtocol(self, addr: IAddress | None) -> HTTP1Protocol:
        """A connection."""
        protocol = HTTP1Protocol(self._surroundings)
        protocol.factory = self
        return protocol
