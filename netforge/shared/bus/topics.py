"""``Topics``: who listens to what within this process. What every bus does with a message in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from netforge.plugin import ISubscription

__all__ = ["LARGEST_MESSAGE", "Topics", "check_size"]

log = Logger()

#: The most bytes of a message (:class:`netforge.plugin.IBus`).
LARGEST_MESSAGE = 1024 * 1024


def check_size(message: bytes) -> None:
    """Raise :exc:`ValueError` if a message is too large."""
    if len(message) > LARGEST_MESSAGE:
        raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes, not {len(message)}")


@implementer(ISubscription)
class _Subscription:
    """A place on a topic. *topics* is ``None`` once it is cancelled."""

    __slots__ = ("receive", "topic", "topics")

    def __init__(self, topics: Topics, topic: str, receive: Callable[[bytes], object]) -> None:
        self.topics: Topics | None = topics
        self.topic = topic
        self.receive = receive

    def cancel(self) -> None:
        if self.topics is not None:
            self.topics.forget(self)
            self.topics = None


class Topics:
    """Deliver in the reactor's next turn, in the order of arrival.

    :param clock: whose next turn it is.
    :param deserted: called with a topic when the last has left it.
    """

    def __init__(self, clock: IReactorTime, deserted: Callable[[str], object] = lambda topic: None) -> None:
        self._clock = clock
        self._deserted = deserted
        self._topics: dict[str, list[_Subscription]] = {}
        self._queue: list[tuple[list[_Subscription], bytes]] = []

    @property
    def names(self) -> Sequence[str]:
        """The topics that somebody listens to."""
        return list(self._topics)

    def arrived(self, topic: str, message: bytes) -> None:
        """Have a message delivered to who listens now."""
        if subscribed := self._topics.get(topic):
            if not self._queue:
                self._clock.callLater(0, self._deliver)
            self._queue.append((list(subscribed), message))

    def subscribe(self, topic: str, receive: Callable[[bytes], object]) -> ISubscription:
        """See :meth:`netforge.plugin.IBus.subscribe`."""
        subscription = _Subscription(self, topic, receive)
        self._topics.setdefault(topic, []).append(subscription)
        return subscription

    def forget(self, subscription: _Subscription) -> None:
        """Take a subscription off its topic, and the topic away with the last one."""
        subscribed = self._topics[subscription.topic]
        subscribed.remove(subscription)
        if not subscribed:
            del self._topics[subscription.topic]
            self._deserted(subscription.topic)

    def _deliver(self) -> None:
        """Deliver what arrived before this turn; what a subscriber publishes now waits for the next one."""
        queue, self._queue = self._queue, []
        for subscribed, message in queue:
            for subscription in subscribed:
                if subscription.topics is not None:
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
