"""Bandwidth: a connection that has had its bytes is paused for a while."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import LayerFactory, LayerProtocol

__all__ = ["Throttle", "ThrottleFactory"]

#: Seconds of its bandwidth that a connection may use at once.
BURST = 1.0


class Throttle(LayerProtocol):
    """Pauses what it stands between once too much has passed: the transport's reading, and the protocol's producer.

    What a protocol writes without a producer goes out at once; then it hears nothing for as long as that would have
    taken.

    :ivar waiting: whether it pauses them now.
    """

    factory: ThrottleFactory
    transport: Any

    def connectionMade(self) -> None:
        self._received = self._sent = 0.0
        self._wants_data = True
        self._valve: _Valve | None = None
        self._call: IDelayedCall | None = None
        super().connectionMade()

    @property
    def waiting(self) -> bool:
        return self._call is not None

    # From the transport.

    def dataReceived(self, data: bytes) -> None:
        self._received = self._spend(self._received, len(data))
        self.wrappedProtocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        super().connectionLost(reason)

    # From the protocol, whose transport this is.

    def write(self, data: bytes) -> None:
        self._sent = self._spend(self._sent, len(data))
        self.transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def pauseProducing(self) -> None:
        self._wants_data = False
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._wants_data = True
        if not self.waiting:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        self.transport.stopProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802  Twisted's name
        self._valve = _Valve(producer, streaming=streaming, shut=self.waiting)
        self.transport.registerProducer(self._valve, streaming)

    def unregisterProducer(self) -> None:  # noqa: N802  likewise
        self._valve = None
        self.transport.unregisterProducer()

    def _spend(self, spent_until: float, size: int) -> float:
        """Until when a direction's bandwidth is spent, with so many bytes more. If that is too long, wait."""
        now = self.factory.clock.seconds()
        spent_until = max(spent_until, now) + size / self.factory.bandwidth
        if spent_until - now > BURST and self._call is None:
            self._call = self.factory.clock.callLater(spent_until - now - BURST, self._go_on)
            self.transport.pauseProducing()
            if self._valve is not None:
                self._valve.shut()
        return spent_until

    def _go_on(self) -> None:
        self._call = None
        spent = max(self._received, self._sent) - self.factory.clock.seconds() - BURST
        if spent > 0:
            # More was written meanwhile.
            self._call = self.factory.clock.callLater(spent, self._go_on)
            return
        if self._wants_data:
            self.transport.resumeProducing()
        if self._valve is not None:
            self._valve.open()


@implementer(IPushProducer)
class _Valve:
    """Stands between a transport and a producer, which produces when both the transport and the throttle let it.

    :param streaming: whether it produces by itself until it is paused, or once each time that it is resumed.
    :param shut: whether the throttle is against it at first.
    """

    def __init__(self, producer: Any, *, streaming: bool, shut: bool) -> None:
        self._producer = producer
        self._streaming = streaming
        self._shut = False
        self._wanted = streaming
        if shut:
            self.shut()

    def shut(self) -> None:
        """The throttle pauses it."""
        self._shut = True
        if self._wanted:
            self._producer.pauseProducing()

    def open(self) -> None:
        """The throttle lets it go on."""
        self._shut = False
        if self._wanted:
            self._produce()

    def pauseProducing(self) -> None:
        self._wanted = False
        if not self._shut:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        self._wanted = True
        if not self._shut:
            self._produce()

    def stopProducing(self) -> None:
        self._producer.stopProducing()

    def _produce(self) -> None:
        self._wanted = self._streaming
        self._producer.resumeProducing()


class ThrottleFactory(LayerFactory):
    """Puts a :class:`Throttle` before each protocol of another factory.

    :param clock: where the time comes from.
    :param bandwidth: bytes a second, each way.
    """

    protocol = Throttle

    def __init__(self, factory: IProtocolFactory, clock: IReactorTime, bandwidth: int) -> None:
        super().__init__(factory)
        self.clock = clock
        self.bandwidth = bandwidth
