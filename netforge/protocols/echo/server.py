"""The six services on streams: a factory each.

Three last until the peer goes, and three answer once and close. None keeps more of a peer's data than a transport
buffers before it pauses its producer (64 KiB in Twisted).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.echo._chargen import CharacterGenerator
from netforge.protocols.echo._daytime import format_daytime
from netforge.protocols.echo._quote import format_quote
from netforge.protocols.echo._time import encode_time
from netforge.protocols.echo.interfaces import IQuotes
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = [
    "CharacterGeneratorFactory",
    "DaytimeFactory",
    "DiscardFactory",
    "EchoFactory",
    "QuoteFactory",
    "TimeFactory",
]

_IDLE = 60.0
_BLOCK = 16 * 1024


@implementer(IDrainable)
class _Lasting(Protocol):
    """A connection that lasts until the peer ends it, or makes no progress for too long."""

    transport: IStreamTransport

    def __init__(self, clock: IReactorTime, idle: float | None) -> None:
        self._deadline = Deadline(clock, idle, self._expired)

    def connectionMade(self) -> None:
        self._deadline.start()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()

    def drain(self) -> None:
        self.transport.loseConnection()

    def _expired(self) -> None:
        # Not loseConnection: that waits until the peer has read everything, and perhaps it never reads.
        self.transport.abortConnection()


@implementer(IPushProducer)
class _Producing(_Lasting):
    """A lasting connection that writes only as fast as the peer reads."""

    _registered = False

    def connectionMade(self) -> None:
        super().connectionMade()
        self._registered = True
        self.transport.registerProducer(self, True)

    def drain(self) -> None:
        # With a producer, loseConnection would wait for its end.
        if self._registered:
            self._registered = False
            self.transport.unregisterProducer()
        super().drain()

    def pauseProducing(self) -> None:
        raise NotImplementedError

    def resumeProducing(self) -> None:
        raise NotImplementedError

    def stopProducing(self) -> None:
        self._registered = False


@implementer(IHalfCloseableProtocol)
class _Echo(_Producing):
    """Paused, it reads nothing, so nothing counts as progress until the peer has read."""

    def dataReceived(self, data: bytes) -> None:
        self._deadline.progress()
        self.transport.write(data)

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self._deadline.progress()
        self.transport.resumeProducing()

    def readConnectionLost(self) -> None:
        # A peer may end its side and still wait for the rest. Without this method Twisted would drop it.
        self._deadline.progress()
        self.drain()

    def writeConnectionLost(self) -> None:
        """Never happens: we do not close only our side."""


class _Discard(_Lasting):
    def dataReceived(self, data: bytes) -> None:
        self._deadline.progress()


class _CharacterGenerator(_Producing):
    """A block each turn of the reactor, until the transport says stop; what the peer sends is thrown away.

    A pull producer would be shorter, but over TLS Twisted drives those by the global reactor.
    """

    def __init__(self, clock: IReactorTime, idle: float | None) -> None:
        super().__init__(clock, idle)
        self._clock = clock
        self._characters = CharacterGenerator()
        self._turn: IDelayedCall | None = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self.resumeProducing()

    def drain(self) -> None:
        self.pauseProducing()
        super().drain()

    def pauseProducing(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def resumeProducing(self) -> None:
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._write_block)

    def stopProducing(self) -> None:
        self.pauseProducing()
        super().stopProducing()

    def _write_block(self) -> None:
        self._turn = None
        # That the buffer is not full although we keep writing shows that the peer reads.
        self._deadline.progress()
        # First, so that a write that fills the buffer can take it back by pausing us.
        self.resumeProducing()
        self.transport.write(self._characters.read(_BLOCK))


@implementer(IDrainable)
class _OneAnswer(Protocol):
    """Answer and close; what the peer sends is thrown away. The answer is so short that the kernel takes it whole."""

    transport: IStreamTransport

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self._answer = answer

    def connectionMade(self) -> None:
        try:
            self.transport.write(self._answer())
        finally:
            # Also when a backend raised: Twisted logs that, but would leave the connection open.
            self.transport.loseConnection()

    def drain(self) -> None:
        """Nothing to do: the connection is closing from the start."""


class EchoFactory(ServerFactory[_Echo]):
    """Echo, RFC 862: send back what the peer sends.

    When the peer ends its side, all that came before is still sent back before the connection is closed.

    :param clock: where the time comes from.
    :param idle: seconds without progress after which the connection is aborted; ``None`` never. Progress is data from
        the peer, unless it reads what it gets back more slowly: then it is that the buffer has emptied.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, idle: float | None = _IDLE) -> None:
        self.protocol = partial(_Echo, clock, idle)


class DiscardFactory(ServerFactory[_Discard]):
    """Discard, RFC 863: throw away what the peer sends.

    :param clock: where the time comes from.
    :param idle: seconds without data from the peer after which the connection is aborted; ``None`` never.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, idle: float | None = _IDLE) -> None:
        self.protocol = partial(_Discard, clock, idle)


class CharacterGeneratorFactory(ServerFactory[_CharacterGenerator]):
    """Character generator, RFC 864: send characters until the peer closes or ends its side.

    :param clock: where the time comes from, and the turns of the reactor.
    :param idle: seconds that the peer may take to read what is buffered (64 KiB and a block) before the connection is
        aborted; ``None`` for any time.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, idle: float | None = _IDLE) -> None:
        self.protocol = partial(_CharacterGenerator, clock, idle)


class DaytimeFactory(ServerFactory[_OneAnswer]):
    """Daytime, RFC 867: send the time as text, see :func:`format_daytime`, and close.

    :param clock: its seconds are Unix time, as those of every reactor of Twisted's are.
    """

    noisy = False

    def __init__(self, clock: IReactorTime) -> None:
        self.protocol = partial(_OneAnswer, lambda: format_daytime(datetime.fromtimestamp(clock.seconds(), UTC)))


class TimeFactory(ServerFactory[_OneAnswer]):
    """Time, RFC 868: send the time as a number, see :func:`encode_time`, and close.

    :param clock: its seconds are Unix time, as those of every reactor of Twisted's are.
    """

    noisy = False

    def __init__(self, clock: IReactorTime) -> None:
        self.protocol = partial(_OneAnswer, lambda: encode_time(clock.seconds()))


class QuoteFactory(ServerFactory[_OneAnswer]):
    """Quote of the day, RFC 865: send a quote, see :func:`format_quote`, and close.

    :param quotes: where quotes come from, such as :class:`Quotes`.
    """

    noisy = False

    def __init__(self, quotes: IQuotes) -> None:
        self.protocol = partial(_OneAnswer, lambda: format_quote(quotes.quote()))
