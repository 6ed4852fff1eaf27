"""One connection of HTTP/2 (RFC 9113) on the server's side: the library h2, and what guards and paces it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.protocols.deadlines import Deadline
from netforge.protocols.http._frames import FrameSizes
from netforge.protocols.http._stream import HTTP2Exchange, request_of
from netforge.protocols.http._surroundings import PREFACE, Surroundings
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Request
from netforge.protocols.http.running import run
from netforge.protocols.interfaces import IDrainable, IStreamTransport

__all__ = ["HTTP2Protocol"]

log = Logger()

#: The most requests of one connection at once.
MOST_STREAMS = 100
#: Bytes of bodies that a client may send before they are read, all of them together. For one request it is 64 KiB - 1.
WINDOW = 1024 * 1024
#: The most requests that a client may take back within the time of :data:`REMEMBERED` seconds. Taking back costs it
#: nothing and us a request (CVE-2023-44487).
MOST_RESETS = 200
REMEMBERED = 30.0


@implementer(IDrainable, IPushProducer)
class HTTP2Protocol(Protocol):
    """A connection. As a producer, it is told by its transport whether there is room for responses.

    :ivar surroundings: what it shares with others.
    :ivar core: the state of the connection.
    """

    transport: IStreamTransport

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.core = _core(surroundings.max_head)
        self.writable = True
        self._sizes = FrameSizes(len(PREFACE), self.core.max_inbound_frame_size)
        self._exchanges: dict[int, HTTP2Exchange] = {}
        self._deadline = Deadline(surroundings.clock, surroundings.idle, self._expired)
        self._last = False
        self._closing = False
        self._busy = False
        self._room: list[Deferred[None]] = []
        self._resets = 0
        self._resets_since = 0.0
        self._react: dict[type[Any], Callable[[Any], object]] = {
            RequestReceived: self._request_received,
            DataReceived: self._data_received,
            TrailersReceived: self._trailers_received,
            StreamEnded: self._stream_ended,
            StreamReset: self._stream_reset,
            WindowUpdated: self._window_updated,
            RemoteSettingsChanged: self._settings_changed,
            ConnectionTerminated: self._terminated,
        }

    # What the transport tells.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        self.core.initiate_connection()
        self.core.increment_flow_control_window(WINDOW - self.core.inbound_flow_control_window)
        self.send()
        self._deadline.start()

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            return
        self._deadline.progress()
        if not self._sizes.allow(data):
            self._close(ErrorCodes.FRAME_SIZE_ERROR)
            return
        self._busy = True
        try:
            for event in self.core.receive_data(data):
                if self._closing:
                    break
                if react := self._react.get(type(event)):
                    react(event)
        except ProtocolError as error:
            log.debug("the client broke a rule of HTTP/2: {reason}", reason=str(error))
            self._close()
        finally:
            self._busy = False
        self.send()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadline.stop()
        self._closing = True
        exchanges, self._exchanges = self._exchanges, {}
        for exchange in exchanges.values():
            exchange.connection_lost(reason)
        self._let_write()

    def pauseProducing(self) -> None:
        self.writable = False
        # Answers to what a client asks without end, such as PING, wait in our memory if it does not read them.
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        self.writable = True
        self.transport.resumeProducing()
        self._deadline.progress()
        for exchange in list(self._exchanges.values()):
            exchange.flush()
        self._let_write()
        self.send()

    def stopProducing(self) -> None:
        """The connection is lost: that will be told."""

    # What the exchanges ask for.

    def send(self) -> None:
        """Send what the core has to say; while something is received, all of it together at the end."""
        if not self._busy and not self._closing and (data := self.core.data_to_send()):
            self.transport.write(data)

    def when_writable(self) -> Deferred[None]:
        """Fires when there is room for more of a response, or the connection is lost."""
        if self.writable or self._closing:
            return succeed(None)
        waiting: Deferred[None] = Deferred(self._room.remove)
        self._room.append(waiting)
        return waiting

    def forget(self, stream: int) -> None:
        """An exchange is over."""
        self._exchanges.pop(stream, None)
        self._deadline.progress()
        if self._last and not self._exchanges:
            self.send()
            self._close()

    def drain(self) -> None:
        """See :class:`~netforge.protocols.interfaces.IDrainable`."""
        if self._last or self._closing:
            return
        self._last = True
        if self._exchanges:
            # h2 would send nothing more after its own.
            goaway = GoAwayFrame(0, last_stream_id=self.core.highest_inbound_stream_id)
            self.transport.write(self.core.data_to_send() + goaway.serialize())
            for exchange in list(self._exchanges.values()):
                exchange.drain()
        else:
            self._close()

    # What the client says.

    def _request_received(self, event: RequestReceived) -> None:
        stream = event.stream_id
        assert stream is not None
        if self._last:
            self.core.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            return
        try:
            request = request_of(event, self.surroundings.max_fields)
        except BadRequest as error:
            refused = HTTP2Exchange(self, stream, Request("", "", "", [], "2", has_body=event.stream_ended is None))
            body = f"{error.status.value} {error.status.phrase}: {error}\n".encode()
            refused.respond(error.status, [(b"content-type", b"text/plain")], body)
            return
        self._exchanges[stream] = exchange = HTTP2Exchange(self, stream, request)
        run(self.surroundings.application, exchange)
        if self.surroundings.retired:
            self.drain()

    def _data_received(self, event: DataReceived) -> None:
        assert event.stream_id is not None
        assert event.data is not None
        exchange = self._exchanges.get(event.stream_id)
        size = event.flow_controlled_length or 0
        if exchange is None:
            # The response is complete, and the client need not send the rest (RFC 9113, section 8.1).
            self._acknowledge(size, event.stream_id)
            if event.stream_ended is None:
                self.core.reset_stream(event.stream_id, ErrorCodes.NO_ERROR)
        else:
            # Padding is never read.
            self._acknowledge(size - len(event.data), event.stream_id)
            exchange.data_received(event.data)

    def _trailers_received(self, event: TrailersReceived) -> None:
        if exchange := self._exchanges.get(event.stream_id or 0):
            exchange.trailers = [*_plain(event.headers or ())]

    def _stream_ended(self, event: StreamEnded) -> None:
        if exchange := self._exchanges.get(event.stream_id or 0):
            exchange.ended()

    def _stream_reset(self, event: StreamReset) -> None:
        exchange = self._exchanges.pop(event.stream_id or 0, None)
        if exchange is None:
            return
        exchange.connection_lost(Failure(ConnectionResetError(f"the client took it back: {event.error_code}")))
        now = self.surroundings.clock.seconds()
        if now - self._resets_since > REMEMBERED:
            self._resets, self._resets_since = 0, now
        self._resets += 1
        if self._resets > MOST_RESETS:
            log.warn("a client took back {count} requests within {seconds:g} s", count=self._resets, seconds=REMEMBERED)
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)

    def _window_updated(self, event: WindowUpdated) -> None:
        if event.stream_id:
            if exchange := self._exchanges.get(event.stream_id):
                exchange.flush()
        else:
            self._flush_all()

    def _settings_changed(self, event: RemoteSettingsChanged) -> None:
        if SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings:
            self._flush_all()

    def _terminated(self, event: ConnectionTerminated) -> None:
        # After it h2 sends nothing more.
        self._close()

    def _flush_all(self) -> None:
        for exchange in list(self._exchanges.values()):
            exchange.flush()

    def _acknowledge(self, size: int, stream: int) -> None:
        if size:
            self.core.acknowledge_received_data(size, stream)

    # The end.

    def _expired(self) -> None:
        """Nothing has happened for the time that a client is given."""
        if not self._exchanges:
            self._close()
        elif not self.writable or all(exchange.waiting for exchange in self._exchanges.values()):
            self.transport.abortConnection()
        else:
            # The client waits for us.
            self._deadline.start()

    def _close(self, error: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say goodbye, and close the connection when all is sent."""
        if self._closing:
            return
        # Which h2 may have said by itself.
        with suppress(ProtocolError):
            self.core.close_connection(error)
        self.transport.write(self.core.data_to_send())
        self._closing = True
        self._deadline.stop()
        self.transport.unregisterProducer()
        # Who does not read what is left could keep the connection for ever.
        self._deadline = Deadline(self.surroundings.clock, self.surroundings.idle, self.transport.abortConnection)
        self._deadline.start()
        self.transport.loseConnection()

    def _let_write(self) -> None:
        room, self._room = self._room, []
        for waiting in room:
            waiting.callback(None)


def _core(max_head: int) -> H2Connection:
    core = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    core.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
            SettingCodes.MAX_HEADER_LIST_SIZE: max_head,
            SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
        },
    )
    # The setting counts only once the client has acknowledged it.
    core.decoder.max_header_list_size = max_head
    return core


def _plain(headers: Iterable[tuple[Any, Any]]) -> Iterable[tuple[bytes, bytes]]:
    return ((bytes(name), bytes(value)) for name, value in headers)
