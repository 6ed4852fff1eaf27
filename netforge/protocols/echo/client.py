"""Clients: a function each, for TCP, UNIX sockets and TLS by endpoints, and one for datagrams.

Each returns a Deferred, which coroutines can await and anyone can cancel. When it fires, the connection is closed or,
after a timeout or a cancellation, aborted.
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet import error
from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred  # noqa: A004  # what its users expect
from twisted.internet.endpoints import connectProtocol
from twisted.internet.interfaces import IReactorTime, IReactorUDP, IStreamClientEndpoint, ITCPTransport, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from netforge.protocols.echo._answer import AnswerReader
from netforge.protocols.echo._daytime import DAYTIME_CAP, parse_daytime
from netforge.protocols.echo._quote import QUOTE_CAP, parse_quote
from netforge.protocols.echo._time import TIME_SIZE, decode_time
from netforge.protocols.echo.events import Answer
from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["echo", "exchange", "read_daytime", "read_quote", "read_time"]

_TIMEOUT = 30.0


def echo(
    endpoint: IStreamClientEndpoint, data: bytes, clock: IReactorTime, *, timeout: float = _TIMEOUT
) -> Deferred[bytes]:
    """Send data to an echo service, RFC 862, and wait until as many bytes have come back.

    :param endpoint: where the service is.
    :param data: at least one byte; all of it is held in memory, and so is what comes back.
    :param clock: what *timeout* is measured by.
    :param timeout: seconds for all of it, connecting included.
    :returns: what came back, which equals *data*.
    :raises LocalProtocolError: there is no data.
    :raises RemoteProtocolError: something else came back, or the connection ended first.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectError: there is no connection.
    :raises twisted.internet.error.ConnectionLost: the connection broke.
    """
    if not data:
        raise LocalProtocolError("there is no data to echo")

    def compare(answer: bytes) -> bytes:
        if answer != data:
            raise RemoteProtocolError("what came back is not what was sent")
        return answer

    return _ask(endpoint, data, AnswerReader(len(data), exact=True), clock, timeout).addCallback(compare)


def read_daytime(
    endpoint: IStreamClientEndpoint, clock: IReactorTime, *, timeout: float = _TIMEOUT
) -> Deferred[datetime]:
    """Ask a daytime service, RFC 867, that writes the time as :func:`format_daytime` does.

    :param endpoint: where the service is.
    :param clock: what *timeout* is measured by.
    :param timeout: seconds for all of it, connecting included.
    :returns: the time, in UTC.
    :raises RemoteProtocolError: the answer has another form, or more than 80 bytes.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectError: there is no connection.
    :raises twisted.internet.error.ConnectionLost: the connection broke.
    """
    return _ask(endpoint, b"", AnswerReader(DAYTIME_CAP), clock, timeout).addCallback(parse_daytime)


def read_time(endpoint: IStreamClientEndpoint, clock: IReactorTime, *, timeout: float = _TIMEOUT) -> Deferred[datetime]:
    """Ask a time service, RFC 868.

    :param endpoint: where the service is.
    :param clock: what *timeout* is measured by. Its Unix time, which may be 68 years off, tells the era of the answer.
    :param timeout: seconds for all of it, connecting included.
    :returns: the time, in UTC.
    :raises RemoteProtocolError: the connection ended before the four bytes of an answer.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectError: there is no connection.
    :raises twisted.internet.error.ConnectionLost: the connection broke.
    """

    def decode(answer: bytes) -> datetime:
        return datetime.fromtimestamp(decode_time(answer, clock.seconds()), UTC)

    # Exact, since RFC 868 lets the client close first.
    return _ask(endpoint, b"", AnswerReader(TIME_SIZE, exact=True), clock, timeout).addCallback(decode)


def read_quote(
    endpoint: IStreamClientEndpoint, clock: IReactorTime, *, timeout: float = _TIMEOUT, cap: int = QUOTE_CAP
) -> Deferred[str]:
    """Ask for a quote of the day, RFC 865.

    :param endpoint: where the service is.
    :param clock: what *timeout* is measured by.
    :param timeout: seconds for all of it, connecting included.
    :param cap: the most bytes that the quote may have. Some services exceed the 511 of RFC 865.
    :returns: the lines, with a line feed between them and none at the end.
    :raises RemoteProtocolError: the quote is longer than *cap*, or not UTF-8.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectError: there is no connection.
    :raises twisted.internet.error.ConnectionLost: the connection broke.
    """
    return _ask(endpoint, b"", AnswerReader(cap), clock, timeout).addCallback(parse_quote)


def exchange(
    reactor: IReactorUDP, host: str, port: int, request: bytes, clock: IReactorTime, *, timeout: float = _TIMEOUT
) -> Deferred[bytes]:
    """Send one datagram and wait for the first that comes back from there, from any of the six services but discard.

    It is sent once: whoever minds that UDP may lose it asks again.

    :param reactor: what sends and receives.
    :param host: an IPv4 or IPv6 address, not a name.
    :param port: the port of the service.
    :param request: what to send. All but echo ignore it, and it may be empty.
    :param clock: what *timeout* is measured by.
    :param timeout: seconds to wait.
    :returns: the answer as it came, for :func:`parse_daytime`, :func:`decode_time` or :func:`parse_quote`.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectionRefusedError: the host says that nothing listens there.
    :raises twisted.internet.error.InvalidAddressError: the host is not an address.
    :raises OSError: the datagram cannot be sent.
    """
    return Deferred.fromCoroutine(_exchange(reactor, host, port, request)).addTimeout(timeout, clock, _give_up)


def _give_up(outcome: object, seconds: float) -> bytes:
    # Twisted's own translation passes on what endpoints raise when connecting is cancelled.
    raise TimeoutError(seconds, "no answer")


class _Question(Protocol):
    """Send a request, if there is one, and collect the answer."""

    transport: ITCPTransport

    def __init__(self, request: bytes, reader: AnswerReader) -> None:
        self._request = request
        self._reader = reader
        self._outcome: bytes | BaseException | None = None
        self.answer: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())

    def connectionMade(self) -> None:
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        if self._outcome is not None:
            return
        try:
            self._settle(self._reader.receive_data(data))
        except RemoteProtocolError as problem:
            self._outcome = problem
            # Not loseConnection: that waits until the peer has read the request, and this one does as it likes.
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._outcome is None:
            self._outcome = reason.value
            if isinstance(reason.value, error.ConnectionDone):
                try:
                    self._settle(self._reader.receive_eof())
                except RemoteProtocolError as problem:
                    self._outcome = problem
        if self.answer.called:  # cancelled, which does not wait for the end of the connection
            return
        if isinstance(self._outcome, bytes):
            self.answer.callback(self._outcome)
        else:
            self.answer.errback(self._outcome)

    def _settle(self, events: list[Answer]) -> None:
        for event in events:
            self._outcome = event.data
            self.transport.loseConnection()


async def _question(endpoint: IStreamClientEndpoint, request: bytes, reader: AnswerReader) -> bytes:
    question = _Question(request, reader)
    await connectProtocol(endpoint, question)
    return await question.answer


def _ask(
    endpoint: IStreamClientEndpoint, request: bytes, reader: AnswerReader, clock: IReactorTime, timeout: float
) -> Deferred[bytes]:
    return Deferred.fromCoroutine(_question(endpoint, request, reader)).addTimeout(timeout, clock, _give_up)


class _DatagramQuestion(DatagramProtocol):
    """Send a request and wait for the first datagram that comes back."""

    noisy = False
    transport: IUDPTransport

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self._peer = (host, port)
        self._request = request
        self.answer: Deferred[bytes] = Deferred()

    def startProtocol(self) -> None:
        try:
            # Connected, so that the kernel drops what others send and reports a refusal.
            self.transport.connect(*self._peer)
            self.transport.write(self._request, None)
        except Exception as problem:
            # Into the Deferred, whatever it is: from here it would leave the port open.
            self._fail(problem)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.called:
            self.answer.callback(datagram)

    def connectionRefused(self) -> None:
        self._fail(error.ConnectionRefusedError())

    def stopProtocol(self) -> None:
        # Twisted's epoll reactor closes the port when a datagram is refused, and says nothing else.
        self.connectionRefused()

    def _fail(self, problem: Exception) -> None:
        if not self.answer.called:
            self.answer.errback(problem)


async def _exchange(reactor: IReactorUDP, host: str, port: int, request: bytes) -> bytes:
    question = _DatagramQuestion(host, port, request)
    listening = reactor.listenUDP(0, question, "::" if isIPv6Address(host) else "", 0xFFFF)
    try:
        return await question.answer
    finally:
        await maybeDeferred(listening.stopListening)
