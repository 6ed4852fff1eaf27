"""What a protocol of ours may offer beyond Twisted's own interfaces."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from zope.interface import Interface

__all__ = ["IDrainable", "IStreamTransport"]


class IStreamTransport(ITCPTransport, IConsumer, IPushProducer):
    """What every stream transport of Twisted's is, under one name for type checkers.

    Over UNIX sockets too, where what only TCP has does nothing or is missing.
    """


class IDrainable(Interface):
    """A protocol that can be asked to finish.

    A server that stops asks every connection to drain and cuts those that still stand at its deadline. A protocol
    that does not provide this interface is left alone until then.
    """

    def drain() -> None:
        """Complete what is under way, begin nothing new, then close the connection.

        May be called more than once, and after the connection is lost.
        """
