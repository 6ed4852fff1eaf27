"""The client as an agent of Twisted's, for libraries that take one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from netforge.shared.outbound.asked import make_ask
from netforge.shared.outbound.sending import Body

if TYPE_CHECKING:
    from netforge.shared.outbound.client import Outbound
    from netforge.shared.outbound.reply import Reply

__all__ = ["OutboundAgent"]


@implementer(IAgent)
class OutboundAgent:
    """Makes requests by a client. Cookies, redirects and decoding are left to who uses it."""

    def __init__(self, outbound: Outbound, *, untrusted: bool) -> None:
        self._outbound = outbound
        self._untrusted = untrusted

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""

        async def request() -> IResponse:
            fields = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, values in (headers or Headers()).getAllRawHeaders()
                for value in values
            ]
            body = None if bodyProducer is None else Body(lambda: bodyProducer, repeatable=False)
            ask = make_ask(method.decode(), uri.decode("ascii"), fields, body, None, untrusted=self._untrusted)
            response: IResponse = _Response(await self._outbound.perform(ask, redirects=0, decode=False))
            return response

        return Deferred.fromCoroutine(request())


class _Response(proxyForInterface(IResponse)):  # type: ignore[misc]  # a class that is made at run time
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.response)
        self._reply = reply

    def deliverBody(self, protocol: IProtocol) -> None:
        """See ``IResponse``."""
        tap = _Tap(self._reply)
        protocol.makeConnection(tap)  # type: ignore[arg-type]  # all that such a protocol may use of a transport
        Deferred.fromCoroutine(tap.pour(protocol))


@implementer(IPushProducer)
class _Tap:
    """What stands for the transport of a protocol that takes a body."""

    disconnecting = False

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._open: Deferred[None] | None = None

    async def pour(self, protocol: Any) -> None:
        reason: Exception = ResponseDone("the body is complete")
        try:
            while piece := await self._reply.read():
                protocol.dataReceived(piece)
                if self._open is not None:
                    await self._open
        except Exception as error:
            reason = error
            self._reply.close()
        protocol.connectionLost(Failure(reason))

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        if self._open is None:
            self._open = Deferred()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.callback(None)

    def stopProducing(self) -> None:
        """Take no more."""
        self._reply.close()
        self.resumeProducing()

    loseConnection = abortConnection = stopProducing
