"""The bus within one process: the embedded default, which needs no server."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import IBus, ISubscription

__all__ = ["InProcessBus"]

log = Logger()

#: The most bytes of a message (:class:`netforge.plugin.IBus`).
LARGEST_MESSAGE = 1024 * 1024


@implementer(ISubscription)
class _Subscription:
    """A place on a topic. *bus* is ``None`` once it is cancelled."""

    __slots__ = ("bus", "receive", "topic")

    def __init__(self, bus: InProcessBus, topic: str, receive: Callable[[bytes], object]) -> None:
        self.bus: InProcessBus | None = bus
        self.topic = topic
        self.receive = receive

    def cancel(self) -> None:
        if self.bus is not None:
            self.bus.forget(self)
            self.bus = None


@implementer(IBus)
class InProcessBus:
    """Deliver in the reactor's next turn, in the order of publication.

    :param clock: whose next turn it is.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._topics: dict[str, list[_Subscription]] = {}
        self._queue: list[tuple[list[_Subscription], bytes]] = []

    def publish(self, topic: str, message: bytes) -> Deferred[None]:
        """See :meth:`netforge.plugin.IBus.publish`."""
        if len(message) > LARGEST_MESSAGE:
            raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes, not {len(message)}")
        if subscribed := self._topics.get(topic):
            if not self._queue:
                self._clock.callLater(0, self._deliver)
            self._queue.append((list(subscribed), message))
        return succeed(None)

    def subscribe(self, topic: str, receive: Callable[[bytes], object]) -> Deferred[ISubscription]:
        """See :meth:`netforge.plugin.IBus.subscribe`."""
        subscription = _Subscription(self, topic, receive)
        self._topics.setdefault(topic, []).append(subscription)
        return succeed(subscription)

    def forget(self, subscription: _Subscription) -> None:
        """Take a subscription off its topic, and the topic away with the last one."""
        subscribed = self._topics[subscription.topic]
        subscribed.remove(subscription)
        if not subscribed:
            del self._topics[subscription.topic]

    def _deliver(self) -> None:
        """Deliver what was published before this turn; what a subscriber publishes now waits for the next one."""
        queue, self._queue = self._queue, []
        for subscribed, message in queue:
            for subscription in subscribed:
                if subscription.bus is not None:
                    _deliver_one(subscription, message)


def _deliver_one(subscription: _Subscription, message: bytes) -> None:
    try:
        subscription.receive(message)
    except Exception:
        log.failure(
            "{receive!r} failed to receive a message on {topic!r}",
            receive=subscription.receive,
            topic=subscription.topic,
        )
