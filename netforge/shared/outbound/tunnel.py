"""Tunnels through a proxy (RFC 9110, section 9.3.6)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import IStreamTransport

__all__ = ["TunnelEndpoint", "TunnelRefused"]

#: The most bytes that a proxy may answer before the tunnel begins.
LARGEST_ANSWER = 64 * 1024


class TunnelRefused(ConnectionError):  # noqa: N818  says what happened
    """The proxy makes no tunnel there."""


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """Connects to a server through a proxy.

    :param endpoint: leads to the proxy.
    :param authority: the server's host and port.
    :param authorization: what to tell the proxy (Proxy-Authorization); empty for nothing.
    :param asking: called once the proxy is there.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, authority: str, authorization: str, asking: Callable[[], object]
    ) -> None:
        self._endpoint = endpoint
        self._authority = authority
        self._authorization = authorization
        self._asking = asking

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        lines = [f"CONNECT {self._authority} HTTP/1.1", f"Host: {self._authority}"]
        if self._authorization:
            lines.append(f"Proxy-Authorization: {self._authorization}")
        tunnel = await self._endpoint.connect(_TunnelFactory(factory))
        assert isinstance(tunnel, _Tunnel)
        self._asking()
        return await tunnel.ask("\r\n".join([*lines, "", ""]).encode())

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See ``IStreamClientEndpoint``.

        :raises TunnelRefused: through the Deferred, with what the proxy says.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))


class _Tunnel(Protocol):
    factory: _TunnelFactory
    transport: IStreamTransport

    def __init__(self) -> None:
        self._ready: Deferred[IProtocol] = Deferred(lambda _: self._cut())
        self._inner: IProtocol | None = None
        self._answer = b""

    def ask(self, request: bytes) -> Deferred[IProtocol]:
        self.transport.write(request)
        return self._ready

    def dataReceived(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        self._answer += data
        head, blank, rest = self._answer.partition(b"\r\n\r\n")
        if not blank:
            if len(self._answer) > LARGEST_ANSWER:
                self._refuse("answers without end")
            return
        words = head.partition(b"\r\n")[0].decode("latin-1").split(None, 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            self._refuse("does not speak HTTP")
        elif words[1].startswith("1"):
            self._answer = b""
            self.dataReceived(rest)
        elif not words[1].startswith("2"):
            self._refuse(f"says {' '.join(words[1:])}")
        elif rest:
            # A server speaks first in no protocol that is spoken here, so these are the proxy's own words.
            self._refuse("says more than that the tunnel stands")
        else:
            self._begin()

    def _begin(self) -> None:
        inner = self._inner = self.factory.inner.buildProtocol(self.transport.getPeer())
        assert inner is not None
        inner.makeConnection(self.transport)
        self._ready.callback(inner)

    def _refuse(self, what: str) -> None:
        self._cut()
        self._fail(Failure(TunnelRefused(f"the proxy {what}")))

    def _cut(self) -> None:
        self.transport.abortConnection()

    def _fail(self, reason: Failure) -> None:
        if not self._ready.called:
            self._ready.errback(reason)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._inner is not None:
            self._inner.connectionLost(reason)
        else:
            self._fail(reason)


class _TunnelFactory(Factory[_Tunnel]):
    noisy = False
    protocol = _Tunnel

    def __init__(self, inner: IProtocolFactory) -> None:
        self.inner = inner
