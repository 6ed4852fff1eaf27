"""``Stage``: a server with the protocol that is checked, and a client that says what it is told to."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, Self

from twisted.internet import tcp
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from netforge.plugin import IReactor
from netforge.testing.checking.leftovers import leftovers, open_files
from netforge.testing.checking.sizes import held_by
from netforge.testing.network import Machine, Network
from netforge.testing.network.transports import StreamPort

__all__ = ["End", "Make", "Stage"]

#: Makes the factory that is checked, for a reactor of the simulated network.
Make = Callable[[IReactor], IProtocolFactory]
#: What a client does after it has said everything: nothing, end its side, or reset the connection.
End = Literal["stay", "end", "reset"]

PORT = 1
#: Bytes of the answers that a client takes before it stops reading; some protocols answer without end.
TAKEN = 1024 * 1024
#: Seconds in which an answer has come if it comes at all, on this network.
MOMENT = 1.0


class _Connection(tcp.Server):
    """The server's side of a connection.

    :ivar built: the protocol, kept so that what it holds is not given back when it is collected.
    :ivar lost: why it ended.
    :ivar unsent: bytes that wait to be sent.
    """

    def __init__(self, sock: Any, protocol: Any, client: Any, server: Any, sessionno: int, reactor: Any) -> None:
        super().__init__(sock, protocol, client, server, sessionno, reactor)
        self.built = protocol
        self.lost: Failure | None = None
        self.unsent = 0
        server.connections.append(self)

    def write(self, data: bytes) -> None:
        self.unsent += len(data)
        super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        pieces = list(iovec)
        self.unsent += sum(map(len, pieces))
        super().writeSequence(pieces)

    def writeSomeData(self, data: bytes) -> Any:  # noqa: N802  Twisted's
        result = super().writeSomeData(data)
        if isinstance(result, int):
            self.unsent -= result
        return result

    def connectionLost(self, reason: Failure) -> None:
        self.lost = reason
        super().connectionLost(reason)


class _Port(StreamPort):
    transport = _Connection

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.connections: list[_Connection] = []


class _Client(Protocol):
    """Takes what comes, up to a bound; then it stops reading, or drops what more there is."""

    transport: Any

    def __init__(self, *, reads: bool, drops: bool) -> None:
        self.got = bytearray()
        self._reads = reads
        self._drops = drops

    def connectionMade(self) -> None:
        if not self._reads:
            self.transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        self.got += data[: TAKEN - len(self.got)]
        if len(self.got) == TAKEN and not self._drops:
            self.transport.pauseProducing()


class Stage:
    """One machine that serves, one that connects, and one connection.

    :param make: makes the factory.
    :param seed: what chance is made of.
    :param global_reactor: as for :class:`~netforge.testing.Network`.
    :param reads: whether the client reads.
    :param drops: whether the client reads on, and drops what comes, when it has taken 1 MiB.
    """

    def __init__(
        self, make: Make, *, seed: int = 0, global_reactor: bool = False, reads: bool = True, drops: bool = False
    ) -> None:
        # What earlier connections left to be collected would be mistaken for this one's.
        gc.collect()
        self._files = open_files()
        self.network = Network(seed, global_reactor=global_reactor)
        self._server = self.network.machine("server")
        self._machine = self.network.machine("client")
        self._client = _Client(reads=reads, drops=drops)
        self.network.run(0)
        self._on(self._server, self._listen, make)
        factory = Factory.forProtocol(lambda: self._client)
        factory.noisy = False
        endpoint = TCP4ClientEndpoint(self._machine.reactor, self._server.address, PORT)
        self._on(self._machine, endpoint.connect, factory)
        self.wait(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.network.close()

    def say(self, chunks: Sequence[bytes]) -> None:
        """Send something, each chunk of it so that it arrives by itself, all at one instant."""
        self._on(self._machine, self._say, iter(chunks))

    def end(self, end: End) -> None:
        """End the connection on the client's side, in one way or another."""
        transport = self._client.transport
        if end != "stay" and transport.connected:
            self._on(self._machine, transport.loseWriteConnection if end == "end" else transport.abortConnection)

    def wait(self, seconds: float = MOMENT) -> None:
        """Let time pass."""
        self.network.run(seconds)

    def stop(self) -> None:
        """Stop the port, cut what connections there are, and let a second pass."""
        self._on(self._server, self._port.stopListening)
        for one in self._open():
            self._on(self._server, one.abortConnection)
        self.wait()

    def collect(self) -> None:
        """Forget the connections, and have Python collect them: failures that nobody has handled are logged then."""
        self._port.connections.clear()
        self._on(self._server, gc.collect)

    @property
    def answer(self) -> bytes:
        """What the client got."""
        return bytes(self._client.got)

    @property
    def is_open(self) -> bool:
        """Whether the server keeps a connection."""
        return any(self._open())

    @property
    def fate(self) -> str:
        """Whether the connection is open, or why the server's side of it ended."""
        [connection] = self._port.connections
        return "open" if connection.lost is None else type(connection.lost.value).__name__

    @property
    def failures(self) -> Sequence[Failure]:
        """What was logged as a failure."""
        return self.network.failures

    @property
    def trace(self) -> str:
        """The end of the trace."""
        return self.network.trace.end()

    def sizes(self) -> dict[str, int]:
        """Bytes that the server holds because of its connections, by the types of what holds them.

        Of what waits to be sent just the bytes count: into how many objects it is divided is the transport's affair.
        """
        connections = list(self._open())
        sizes = held_by(self._port.factory, *(one.protocol for one in connections))
        return sizes | {"the transport's buffer": sum(one.unsent for one in connections)}

    def leftovers(self) -> list[str]:
        """What is left of it all after :meth:`stop`, each in words; nothing runs any more afterwards."""
        return leftovers(self.network, [self._server], self._files)

    def _open(self) -> Iterator[_Connection]:
        return (one for one in self._port.connections if one.lost is None)

    def _listen(self, make: Make) -> None:
        reactor: Any = self._server.reactor
        factory = make(reactor)
        if not IProtocolFactory.providedBy(factory):
            raise TypeError(f"make(reactor) returned {factory!r}; expected a protocol factory")
        self._port = _Port(PORT, factory, 50, "", reactor)
        self._port.startListening()

    def _say(self, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            self._client.transport.write(chunk)
            # The next one waits until this one is sent: what is written within one turn goes out as one piece.
            self.network.schedule.soon(self._machine, self._say, chunks)
            return

    def _on(self, machine: Machine, call: Callable[..., object], *arguments: object) -> None:
        """Call something on a machine, as its reactor would."""
        self.network.schedule.soon(machine, call, *arguments)
        self.network.run(0)
