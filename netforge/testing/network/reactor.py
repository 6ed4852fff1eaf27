"""``SimulatedReactor``: Twisted's reactor on the sockets and the clock of a simulated network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from socket import AF_UNIX, AddressFamily
from typing import TYPE_CHECKING, Any

from twisted.internet.base import DelayedCall, ReactorBase
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConnector,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IListeningPort,
    IReactorFDSet,
    IReactorSSL,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.plugin import IReactor
from netforge.testing.network.datagrams import DatagramSocket
from netforge.testing.network.sockets import Socket
from netforge.testing.network.streams import ListeningSocket, StreamSocket
from netforge.testing.network.tcp import TCPSocket
from netforge.testing.network.transports import DatagramPort, StreamConnector, StreamPort, UNIXConnector, UNIXPort
from netforge.testing.network.unix import UNIXSocket

if TYPE_CHECKING:
    from netforge.testing.network.machine import Machine

__all__ = ["SimulatedReactor"]

log = Logger()


@implementer(IReactor, IReactorSSL, IReactorFDSet)
class SimulatedReactor(ReactorBase):  # type: ignore[override]  # it names arguments unlike the interfaces it implements
    """The reactor of one machine. The network runs it; ``run`` runs the whole network until this reactor stops.

    :param machine: whose reactor it is.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._schedule = machine.network.schedule
        self._readers: dict[Any, Socket] = {}
        self._writers: dict[Any, Socket] = {}
        super().__init__()
        self.addSystemEventTrigger("after", "shutdown", self._schedule.soon, machine, machine.exit)
        self._schedule.soon(machine, self._begin)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._machine.name}>"

    # IReactorCore

    def installWaker(self) -> None:
        """Nothing sleeps here."""

    def _initThreads(self) -> None:
        self.installNameResolver(self._machine.network.names.resolver(self))
        self.usingThreads = True

    def run(self, installSignalHandlers: bool = True) -> None:
        self.startRunning(installSignalHandlers=False)
        self._machine.network.drive(lambda: not self._started)

    def stop(self) -> None:
        super().stop()
        self._schedule.soon(self._machine, self.fireSystemEvent, "shutdown")

    def _begin(self) -> None:
        if not (self._started or self._startedBefore):
            self.startRunning(installSignalHandlers=False)

    # IReactorTime

    def seconds(self) -> float:
        return self._schedule.now

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kw: object) -> DelayedCall:
        if not delay >= 0:
            raise ValueError(f"callLater takes a delay in seconds, 0 or more, not {delay!r}")
        call = DelayedCall(self.seconds() + delay, callable, args, kw, _nothing, self._plan, self.seconds)
        self._plan(call)
        return call

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        planned = {event.arguments[0]: None for event in self._schedule.agenda if event.call == self._ring}
        return [call for call in planned if call.active()]

    def _plan(self, call: DelayedCall) -> None:
        self._schedule.at(call.time, self._machine, self._ring, call)

    def _ring(self, call: DelayedCall) -> None:
        if not (call.active() and self._started):
            return
        if call.delayed_time:
            call.activate_delay()
            self._plan(call)
            return
        call.called = 1
        self._call(partial(call.func, *call.args, **call.kw))

    # IReactorThreads

    def callFromThread(self, f: Callable[..., Any], *args: object, **kwargs: object) -> None:  # type: ignore[override]
        # The name of the first argument is ReactorBase's, which differs from the interface's.
        self._schedule.soon(self._machine, self._call, partial(f, *args, **kwargs))

    def _call(self, function: partial[Any]) -> None:
        try:
            function()
        except Exception:
            log.failure("{function} was called and failed", function=function.func)

    # IReactorTCP, IReactorSSL, IReactorUDP, IReactorUNIX

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> IListeningPort:
        return _listening(StreamPort(port, factory, backlog, interface, self))

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> IConnector:
        return _connecting(StreamConnector(host, port, factory, timeout, bindAddress, self))

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415  pyOpenSSL is an extra of Twisted

        return self.listenTCP(port, TLSMemoryBIOFactory(contextFactory, False, factory, self), backlog, interface)

    def connectSSL(
        self, host: str, port: int, factory: Any, contextFactory: Any, timeout: float = 30, bindAddress: Any = None
    ) -> IConnector:
        from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415  likewise

        tls = TLSMemoryBIOFactory(contextFactory, True, factory, self)
        return self.connectTCP(host, port, tls, timeout, bindAddress)

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> IListeningPort:
        return _listening(DatagramPort(port, protocol, interface, maxPacketSize, self))

    def listenUNIX(
        self, address: str | bytes, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: object = 0
    ) -> IListeningPort:
        path = address.encode() if isinstance(address, str) else address
        return _listening(UNIXPort(path, factory, backlog, mode, self))

    def connectUNIX(self, address: str | bytes, factory: Any, timeout: float = 30, checkPID: object = 0) -> IConnector:
        return _connecting(UNIXConnector(address, factory, timeout, self, 0))

    # What the transports ask for.

    def stream_socket(self, family: AddressFamily) -> StreamSocket:
        """A new socket that can connect."""
        return (UNIXSocket if family == AF_UNIX else TCPSocket)(self._machine, family)

    def listening_socket(self, family: AddressFamily) -> ListeningSocket:
        """A new socket that can listen."""
        return ListeningSocket(self._machine, family)

    def datagram_socket(self, family: AddressFamily) -> DatagramSocket:
        """A new socket for datagrams."""
        return DatagramSocket(self._machine, family)

    # IReactorFDSet

    def addReader(self, reader: Any) -> None:
        watched = self._readers[reader] = _socket(reader)
        watched.reader = reader
        if watched.readable() or watched.hung_up:
            self.serve_soon(watched)

    def addWriter(self, writer: Any) -> None:
        watched = self._writers[writer] = _socket(writer)
        watched.writer = writer
        if watched.writable() or watched.hung_up:
            self.serve_soon(watched)

    def removeReader(self, reader: Any) -> None:
        if (watched := self._readers.pop(reader, None)) is not None:
            watched.reader = None

    def removeWriter(self, writer: Any) -> None:
        if (watched := self._writers.pop(writer, None)) is not None:
            watched.writer = None

    def removeAll(self) -> list[Any]:
        everything = list(self._readers | self._writers)
        for one in everything:
            self.removeReader(one)
            self.removeWriter(one)
        return everything

    def getReaders(self) -> list[Any]:
        return list(self._readers)

    def getWriters(self) -> list[Any]:
        return list(self._writers)

    def serve(self, ready: Socket) -> None:
        """Let the reader of a socket read and its writer write, if there is anything to be read or room to write."""
        if ready.hung_up and not ready.readable():
            # Who waits to read, or only to write, concludes from it what epoll's users do.
            if ready.reader is not None:
                self._lose(ready.reader, ConnectionDone(), reading=True)
            elif ready.writer is not None:
                self._lose(ready.writer, ConnectionLost(), reading=False)
        if ready.reader is not None and ready.readable():
            self._do(ready.reader, reading=True)
        if ready.writer is not None and ready.writable():
            self._do(ready.writer, reading=False)
        if (ready.reader is not None and ready.readable()) or (ready.writer is not None and ready.writable()):
            self.serve_soon(ready)

    def serve_soon(self, ready: Socket, delay: float = 0.0) -> None:
        """Do so in a turn of its own."""
        if not ready.called:
            ready.called = True
            self._schedule.at(self._schedule.now + delay, self._machine, self._serve_called, ready)

    def _serve_called(self, ready: Socket) -> None:
        ready.called = False
        self.serve(ready)

    def _do(self, selectable: Any, *, reading: bool) -> None:
        try:
            lost = selectable.doRead() if reading else selectable.doWrite()
        except Exception as error:
            log.failure("{selectable} failed", selectable=selectable)
            lost = error
        if lost:
            self._lose(selectable, lost, reading=reading)

    def _lose(self, selectable: Any, lost: Exception, *, reading: bool) -> None:
        self.removeReader(selectable)
        try:
            if reading and isinstance(lost, ConnectionDone) and IHalfCloseableDescriptor.providedBy(selectable):
                selectable.readConnectionLost(Failure(lost))
            else:
                self.removeWriter(selectable)
                selectable.connectionLost(Failure(lost))
        except Exception:
            log.failure("{selectable} failed at its end", selectable=selectable)


def _nothing(call: DelayedCall) -> None:
    """A call that was cancelled is passed over when its time comes."""


def _listening(port: Any) -> IListeningPort:
    port.startListening()
    listening: IListeningPort = port
    return listening


def _connecting(connector: Any) -> IConnector:
    connector.connect()
    connecting: IConnector = connector
    return connecting


def _socket(selectable: Any) -> Socket:
    """The simulated socket of a transport."""
    watched = getattr(selectable, "socket", None)
    if not isinstance(watched, Socket):
        raise TypeError(f"{selectable!r} is not on the simulated network, which has no file descriptors")
    return watched
