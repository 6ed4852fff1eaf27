"""What layers on streams are made of: Twisted's wrappers, made fit for every protocol."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, IProtocol, IProtocolFactory, ITransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from zope.interface import alsoProvides

__all__ = ["LayerFactory", "LayerProtocol"]


class LayerProtocol(ProtocolWrapper):
    """A protocol that stands before another one, which sees it as its transport.

    Unlike Twisted's, it lets a peer close one side where the protocol behind it does: the transport asks the outermost
    protocol alone.
    """

    transport: ITransport

    def makeConnection(self, transport: ITransport) -> None:
        super().makeConnection(transport)
        if IHalfCloseableProtocol.providedBy(self.wrappedProtocol):
            alsoProvides(self, IHalfCloseableProtocol)

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

    def buildProtocol(self, addr: IAddress | None) -> LayerProtocol | None:  # type: ignore[override]  # it may refuse
        wrapped: IProtocol | None = self.wrappedFactory.buildProtocol(cast(Any, addr))
        return None if wrapped is None else self.protocol(self, wrapped)
