"""The most that a client may send with a request."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.internet.defer import Deferred

from netforge.protocols.http import Application, Exchange, HTTPError, WrappedExchange
from netforge.services.web.around.layer import Layer, Premises

__all__ = ["CappedExchange", "body_cap"]


def _too_large(most: int) -> HTTPError:
    return HTTPError(413, f"the body has more than {most} bytes")


class CappedExchange(WrappedExchange):
    """An exchange whose body may not be larger than it should. Needed where its length is not said before.

    :param most: the most bytes that are read.
    """

    def __init__(self, inner: Exchange, most: int) -> None:
        super().__init__(inner)
        self._most = self._left = most

    def read(self) -> Deferred[bytes]:
        return super().read().addCallback(self._count)

    def _count(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._most)
        return piece


def body_cap(most: int, premises: Premises) -> Layer | None:
    """The layer that refuses bodies of more than *most* bytes; 0 takes all."""
    if not most:
        return None

    def around(application: Application) -> Application:
        def capped(exchange: Exchange) -> Awaitable[object] | None:
            request = exchange.request
            if request.has_body:
                length = request.header(b"content-length")
                if length is None:
                    exchange = CappedExchange(exchange, most)
                elif int(length) > most:
                    raise _too_large(most)
            return application(exchange)

        return capped

    return around
