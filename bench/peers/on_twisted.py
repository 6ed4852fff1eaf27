"""The servers on Twisted, the same protocols on every reactor: what is compared is the reactor."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.interfaces import IDelayedCall, ITCPTransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.ssl import PrivateCertificate

from bench.peers.serving import BACKLOG, DOWNLOAD, HOST, Arguments, announce, parse_arguments
from bench.peers.timers import TimerLoad
from netforge.protocols.echo import EchoFactory

__all__ = ["Factories", "main"]

#: Makes the factories of further servers, by the names of cases. What begins with ``tls-`` is served over TLS.
Factories = Mapping[str, Callable[[Any, Arguments], Factory[Any]]]


class _NoDelay(Protocol):
    """As asyncio and uvloop do by themselves."""

    transport: ITCPTransport

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)


class _Echo(_NoDelay):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class _Sink(_NoDelay):
    def dataReceived(self, data: bytes) -> None:
        """Throw it away."""


class _Download(_NoDelay):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(DOWNLOAD)


class _DatagramEcho(DatagramProtocol):
    transport: IUDPTransport

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(datagram, addr)


_PROTOCOLS: dict[str, type[Protocol]] = {
    "tcp-echo": _Echo,
    "tls-echo": _Echo,
    "tls-echo-context": _Echo,
    "tcp-sink": _Sink,
    "tcp-download": _Download,
}


def main(install: Callable[[], object], more: Factories | None = None) -> None:
    """Serve what the command line wants on the reactor that this installs, until the input ends.

    :param more: what can be served besides.
    """
    arguments = parse_arguments()
    install()
    from twisted.internet import reactor  # noqa: PLC0415, TID251  just installed, and this is its launcher

    if arguments.case == "timers":
        _change_timers(reactor, arguments)
    else:
        port = _listen(reactor, arguments, more or {})
        announce(port.getHost().port)
    reactor.run()


def _listen(reactor: Any, arguments: Arguments, more: Factories) -> Any:
    case = arguments.case
    if case == "udp-echo":
        return reactor.listenUDP(0, _DatagramEcho(), HOST)
    factory = more[case](reactor, arguments) if case in more else _factory(case, reactor)
    if case == "tls-echo-context":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate)
        return reactor.listenSSL(0, factory, context, BACKLOG, HOST)
    if case.startswith("tls-"):
        options = PrivateCertificate.loadPEM(arguments.certificate.read_bytes()).options()
        return reactor.listenSSL(0, factory, options, BACKLOG, HOST)
    return reactor.listenTCP(0, factory, BACKLOG, HOST)


def _factory(case: str, reactor: Any) -> Factory[Any]:
    if case == "tcp-echo-factory":
        return EchoFactory(reactor)
    factory = Factory.forProtocol(_PROTOCOLS[case])
    factory.noisy = False
    return factory


def _change_timers(reactor: Any, arguments: Arguments) -> None:
    def start(delay: float) -> IDelayedCall:
        timer: IDelayedCall = reactor.callLater(delay, _never)
        return timer

    def reset(timer: IDelayedCall, delay: float) -> IDelayedCall:
        timer.reset(delay)
        return timer

    def replace(timer: IDelayedCall, delay: float) -> IDelayedCall:
        timer.cancel()
        return start(delay)

    change = reset if arguments.operation == "reset" else replace
    load = TimerLoad(arguments, start, change, lambda call: reactor.callLater(0, call))
    reactor.callWhenRunning(load.run)


def _never() -> None:
    raise AssertionError("this timer is far away")
