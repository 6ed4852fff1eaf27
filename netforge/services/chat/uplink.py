"""What ties a hub to the bus."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.plugin import IBus, ISubscription
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Limits

__all__ = ["Term", "Uplink"]


@dataclass(frozen=True, eq=False, slots=True)
class Term:
    """What one instance of the service wants while it serves.

    :param bus: the bus to use.
    :param limits: what the hub allows.
    """

    bus: IBus
    limits: Limits


class Uplink:
    """Keeps one subscription for a hub, however many instances of the service use it.

    A reload starts the new instance before it stops the old one, whose connections may last for days; and a reload
    that fails stops the new one again. So the latest term that has begun and not ended is in force.

    :param topic: the topic of the bus where the hubs of all processes meet.
    """

    def __init__(self, hub: Hub, topic: str, log: Logger) -> None:
        self.hub = hub
        hub.publish = self._publish
        self._topic = topic
        self._log = log
        self._terms: list[Term] = []
        self._bus: IBus | None = None
        self._subscription: ISubscription | None = None

    async def begin(self, term: Term) -> None:
        """Put a term in force.

        :raises ConnectionError: if the bus cannot be reached; then nothing has changed.
        """
        await self._turn_to(term)
        self._terms.append(term)

    async def end(self, term: Term) -> None:
        """Take a term out of force.

        :raises ConnectionError: if the bus of the one before cannot be reached.
        """
        self._terms.remove(term)
        if self._terms:
            await self._turn_to(self._terms[-1])
        elif self._subscription is not None:
            self._subscription.cancel()
            self._bus = self._subscription = None

    async def _turn_to(self, term: Term) -> None:
        if term.bus is not self._bus:
            subscription = await term.bus.subscribe(self._topic, self.hub.receive)
            if self._subscription is not None:
                self._subscription.cancel()
            self._bus, self._subscription = term.bus, subscription
        self.hub.limits = term.limits

    def _publish(self, message: bytes) -> None:
        # Without a bus the service has stopped, and nobody is left to hear it.
        if self._bus is not None:
            self._bus.publish(self._topic, message).addErrback(self._lost)

    def _lost(self, failure: Failure) -> None:
        self._log.failure("what was said is lost: the bus did not take it", failure)
