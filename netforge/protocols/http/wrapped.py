"""An exchange that stands for another one, for what changes some of what is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from netforge.protocols.http.exchange import Decoration, ErrorPage, Exchange, Fields

__all__ = ["WrappedExchange"]


class WrappedExchange(Exchange):
    """Passes everything on. Subclasses override what they change.

    :param inner: whom everything is passed on to.
    """

    def __init__(self, inner: Exchange) -> None:
        self.inner = inner
        self.request = inner.request
        self.transport = inner.transport
        self.clock = inner.clock

    def read(self) -> Deferred[bytes]:
        return self.inner.read()

    def inform(self, status: int, headers: Fields = ()) -> None:
        self.inner.inform(status, headers)

    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        self.inner.respond(status, headers, body)

    def begin(self, status: int, headers: Fields = ()) -> None:
        self.inner.begin(status, headers)

    def write(self, data: bytes) -> None:
        self.inner.write(data)

    def ready(self) -> Deferred[None]:
        return self.inner.ready()

    def end(self, trailers: Fields = ()) -> None:
        self.inner.end(trailers)

    def abort(self) -> None:
        self.inner.abort()

    def switch(self, headers: Fields, protocol: IProtocol) -> None:
        self.inner.switch(headers, protocol)

    def when_lost(self, call: Callable[[Failure], object]) -> None:
        self.inner.when_lost(call)

    def decorate(self, decoration: Decoration, *, pure: bool = False, last: bool = False) -> None:
        self.inner.decorate(decoration, pure=pure, last=last)

    def when_done(self, call: Callable[[Exchange], object]) -> None:
        self.inner.when_done(call)

    @property
    def started(self) -> bool:
        return self.inner.started

    @property
    def trailers(self) -> Sequence[tuple[bytes, bytes]]:  # type: ignore[override]  # read only
        """See :class:`Exchange`."""
        return self.inner.trailers

    @property
    def lost(self) -> bool:  # type: ignore[override]
        """See :class:`Exchange`."""
        return self.inner.lost

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """See :class:`Exchange`."""
        return self.inner.complete

    @property
    def status(self) -> int:  # type: ignore[override]
        """See :class:`Exchange`."""
        return self.inner.status

    @property
    def sent(self) -> int:  # type: ignore[override]
        """See :class:`Exchange`."""
        return self.inner.sent

    @property
    def mount(self) -> str:
        return self.inner.mount

    @mount.setter
    def mount(self, mount: str) -> None:
        self.inner.mount = mount

    @property
    def route(self) -> str:
        return self.inner.route

    @route.setter
    def route(self, route: str) -> None:
        self.inner.route = route

    @property
    def user(self) -> str:
        return self.inner.user

    @user.setter
    def user(self, user: str) -> None:
        self.inner.user = user

    @property
    def error_page(self) -> ErrorPage | None:
        return self.inner.error_page

    @error_page.setter
    def error_page(self, page: ErrorPage | None) -> None:
        self.inner.error_page = page
