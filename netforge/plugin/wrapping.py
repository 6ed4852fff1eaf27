"""What layers on streams are made of: Twisted's wrappers, made fit for every protocol."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import (
    IAddress,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    ITransport,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import alsoProvides

__all__ = ["LayerFactory", "LayerProtocol"]


class LayerProtocol(ProtocolWrapper):
    """A protocol that stands before another one, which sees it as its transport.

    A transport asks the outermost protocol alone what it can do. So, unlike Twisted's, this one lets a peer close one
    side, and is told of a TLS handshake, where the protocol behind it does and is.
    """

    transport: ITransport

    def makeConnection(self, transport: ITransport) -> None:
        """Connect the protocol behind, and offer the transport what that one can do."""
        super().makeConnection(transport)
        for interface in (IHalfCloseableProtocol, IHandshakeListener):
            if interface.providedBy(self.wrappedProtocol):
                alsoProvides(self, interface)

    def handshakeCompleted(self) -> None:
        """TLS is agreed on."""
        cast(IHandshakeListener, self.wrappedProtocol).handshakeCompleted()

    def readConnectionLost(self) -> None:
        """The peer closed its side."""
        cast(IHalfCloseableProtocol, self.wrappedProtocol).readConnectionLost()

    def writeConnectionLost(self) -> None:
        """Our side is closed."""
        cast(IHalfCloseableProtocol, self.wrappedProtocol).writeConnectionLost()


class LayerFactory(WrappingFactory[LayerProtocol]):
    """A factory that puts its ``protocol``, a :class:`LayerProtocol`, before each one of another factory.

    Where the other factory refuses a connection, so does this one.
    """

    noisy = False

    def __init__(self, factory: IProtocolFactory) -> None:
        super().__init__(cast(Any, factory))
        if IProtocolNegotiationFactory.providedBy(factory):
            alsoProvides(self, IProtocolNegotiationFactory)

    def acceptableProtocols(self) -> list[bytes]:
        """What the other factory speaks over TLS (ALPN, RFC 7301)."""
        return cast(IProtocolNegotiationFactory, self.wrappedFactory).acceptableProtocols()

    def buildProtocol(self, addr: IAddress | None) -> LayerProtocol | None:  # type: ignore[override]  # it may refuse
        """Put a protocol before the one that the other factory builds."""
        wrapped: IProtocol | None = self.wrappedFactory.buildProtocol(cast(Any, addr))
        return None if wrapped is None else self.protocol(self, wrapped)
