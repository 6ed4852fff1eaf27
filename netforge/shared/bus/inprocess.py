"""The bus within one process: the embedded default, which needs no server."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from netforge.plugin import IBus, ISubscription
from netforge.shared.bus.topics import Topics, check_size

__all__ = ["InProcessBus"]


@implementer(IBus)
class InProcessBus:
    """Deliver in the reactor's next turn, in the order of publication.

    :param clock: whose next turn it is.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._topics = Topics(clock)

    def publish(self, topic: str, message: bytes) -> Deferred[None]:
        """See :meth:`netforge.plugin.IBus.publish`."""
        check_size(message)
        self._topics.arrived(topic, message)
        return succeed(None)

    def subscribe(self, topic: str, receive: Callable[[bytes], object]) -> Deferred[ISubscription]:
        """See :meth:`netforge.plugin.IBus.subscribe`."""
        return succeed(self._topics.subscribe(topic, receive))
