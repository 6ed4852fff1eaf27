"""The bus: messages from one part of the system to whoever listens, in this process or in others."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from zope.interface import Interface

__all__ = ["IBus", "ISubscription"]


class ISubscription(Interface):
    """One subscriber's place on a topic."""

    def cancel() -> None:
        """Receive nothing more from now on, not even what was published already. May be called twice."""


class IBus(Interface):
    """Publish and subscribe.

    A message reaches everyone who is subscribed when it is published, at most once. What one publisher publishes on
    one topic arrives in that order. Delivery is never inside the call of ``publish``, so a publisher may hold locks
    and a subscriber may publish.
    """

    def publish(topic: str, message: bytes) -> Deferred[None]:
        """Send a message.

        :param topic: compared as it stands; there are no patterns.
        :param message: at most 1 MiB.
        :return: fires when the bus has taken the message.
        :raises ValueError: if the message is larger.
        :raises ConnectionError: through the Deferred, if an engine outside this process cannot be reached.
        """

    def subscribe(topic: str, receive: Callable[[bytes], object]) -> Deferred[ISubscription]:
        """Receive what is published on a topic from now on.

        :param receive: called with each message. An exception that it raises is logged, and neither ends the
            subscription nor reaches the publisher.
        :return: fires with the subscription once it stands.
        :raises ConnectionError: through the Deferred, as for ``publish``.
        """
