"""What is left of a proxy once both sides speak another protocol: bytes both ways."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netforge.protocols.deadlines import Deadline
from netforge.protocols.http import Exchange, Headers, OutgoingExchange, ResponseCut
from netforge.protocols.interfaces import IStreamTransport

__all__ = ["open_tunnel"]


class _End(Protocol):
    """One end of a tunnel. What comes is sent at the other end, no faster than that one takes it."""

    transport: IStreamTransport
    other: _End

    def __init__(self, deadline: Deadline, ended: Callable[[], object]) -> None:
        self._deadline = deadline
        self._ended = ended
        self._early = b""
        self._lost = False

    def connectionMade(self) -> None:
        other = self.other
        if other.connected:
            self.transport.registerProducer(other.transport, True)
            other.transport.registerProducer(self.transport, True)
            self.transport.write(other._early)

    def dataReceived(self, data: bytes) -> None:
        self._deadline.progress()
        if self.other.connected:
            self.other.transport.write(data)
        else:
            self._early += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._lost = True
        other = self.other
        if other._lost:
            self._deadline.stop()
            self._ended()
        elif other.connected:
            # A transport that has a producer waits for more from it.
            other.transport.unregisterProducer()
            other.transport.loseConnection()

    def cut(self) -> None:
        if not self._lost:
            self.transport.abortConnection()


def open_tunnel(
    exchange: Exchange,
    outgoing: OutgoingExchange,
    fields: Headers,
    clock: IReactorTime,
    quiet: float,
    ended: Callable[[], object],
) -> None:
    """Switch the protocol on both sides and pass on what comes.

    :param fields: of the response to the client.
    :param quiet: seconds without a byte either way, after which both connections are cut.
    :param ended: called once both are lost.
    :raises ResponseCut: if the upstream is gone already.
    """

    def cut() -> None:
        near.cut()
        far.cut()

    if outgoing.over:
        raise ResponseCut("the connection was lost as it switched protocols")
    deadline = Deadline(clock, quiet, cut)
    near, far = _End(deadline, ended), _End(deadline, ended)
    near.other, far.other = far, near
    deadline.start()
    exchange.switch(fields, near)
    outgoing.switch(far)
