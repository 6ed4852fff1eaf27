"""The client's side: a connection becomes a WebSocket."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from netforge.protocols.connecting import connect_one
from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Fields
from netforge.protocols.interfaces import IStreamTransport
from netforge.protocols.websocket._handshake import VERSION, accepted
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket._response import Response, ResponseReader
from netforge.protocols.websocket._writer import MessageWriter
from netforge.protocols.websocket.errors import Refused
from netforge.protocols.websocket.extensions import deflate
from netforge.protocols.websocket.extensions.parameters import extensions_of
from netforge.protocols.websocket.limits import Limits
from netforge.protocols.websocket.socket import WebSocket

__all__ = ["connect"]

_TIMEOUT = 30.0
_PORTS = {"ws": ":80", "wss": ":443"}
_TARGET = re.compile(r"/[!-~]*")


def connect(
    endpoint: IStreamClientEndpoint,
    url: str,
    *,
    clock: IReactorTime,
    subprotocols: Sequence[str] = (),
    origin: str | None = None,
    fields: Fields = (),
    limits: Limits = Limits(),  # noqa: B008  immutable
    compress: bool = True,
    timeout: float = _TIMEOUT,
    entropy: Callable[[int], bytes] = os.urandom,
) -> Deferred[WebSocket]:
    """Speak WebSocket with a server, over HTTP/1.1.

    :param endpoint: where the server is; for ``wss``, one that speaks TLS.
    :param url: such as ``wss://example.org/chat?room=1``: what the server is asked for. Nothing is connected by it.
    :param clock: what *timeout* and silence are measured by, such as the reactor.
    :param subprotocols: those that we speak, the best one first. The WebSocket has the one that the server chose.
    :param origin: whose page we are, if we are a browser.
    :param fields: more of them for the request, such as Authorization or Cookie.
    :param limits: what the server may cost.
    :param compress: whether messages are compressed, if the server can do that.
    :param timeout: seconds until there is a WebSocket.
    :param entropy: makes as many random bytes as it is asked for, of the kind that nobody can guess.
    :raises LocalProtocolError: at once, if the URL or a field cannot be said.
    :raises Refused: through the Deferred, like what follows: the server does not agree, and with which status.
    :raises twisted.internet.defer.TimeoutError: the time is up.
    :raises twisted.internet.error.ConnectError: there is no connection.
    :raises twisted.internet.error.ConnectionLost: the connection ended before the answer.
    """
    key = b64encode(entropy(16))
    said = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Version", VERSION)]
    said.append((b"Sec-WebSocket-Key", key))
    if subprotocols:
        said.append((b"Sec-WebSocket-Protocol", ", ".join(subprotocols).encode()))
    if compress:
        said.append((b"Sec-WebSocket-Extensions", deflate.offer().encode()))
    if origin is not None:
        said.append((b"Origin", origin.encode()))

    def agreed(response: Response) -> WebSocket:
        _check(response, key)
        subprotocol = response.header(b"sec-websocket-protocol") or None
        if subprotocol is not None and subprotocol not in subprotocols:
            raise Refused(f"the server chose a subprotocol that was not offered: {subprotocol!r}", response.status)
        inflater, deflater = _extension(response, compress=compress)
        reader = MessageReader(masked=False, most=limits.message, inflater=inflater)
        return WebSocket(reader, MessageWriter(entropy, deflater), clock, limits, subprotocol, client=True)

    opening = _Opening(_request(url, [*said, *fields]), agreed)
    return Deferred.fromCoroutine(_opened(endpoint, opening)).addTimeout(timeout, clock)


async def _opened(endpoint: IStreamClientEndpoint, opening: _Opening) -> WebSocket:
    await connect_one(endpoint, opening)
    try:
        return await opening.opened
    except BaseException:
        opening.transport.abortConnection()
        raise


class _Opening(Protocol):
    """Asks, waits for the answer, and then only passes on.

    :ivar opened: fires with the WebSocket.
    """

    transport: IStreamTransport

    def __init__(self, request: bytes, agreed: Callable[[Response], WebSocket]) -> None:
        self.opened: Deferred[WebSocket] = Deferred()
        self._request = request
        self._agreed = agreed
        self._reader = ResponseReader()
        self._socket: WebSocket | None = None

    def connectionMade(self) -> None:
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        if self._socket is not None:
            self._socket.dataReceived(data)
        elif not self.opened.called:
            self._read(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._socket is not None:
            self._socket.connectionLost(reason)
        elif not self.opened.called:
            self.opened.errback(reason)

    def _read(self, data: bytes) -> None:
        try:
            response = self._reader.receive_data(data)
            if response is None:
                return
            self._socket = socket = self._agreed(response)
        except Refused:
            self.opened.errback()
            return
        socket.makeConnection(self.transport)
        self.opened.callback(socket)
        if self._reader.rest:
            socket.dataReceived(self._reader.rest)


def _request(url: str, fields: Fields) -> bytes:
    """The request (RFC 6455, section 4.1)."""
    parts = urlsplit(url)
    target = (parts.path or "/") + "?" * bool(parts.query) + parts.query
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise LocalProtocolError(f"{url!r} is not like ws://host/path or wss://host:port/path?query")
    if not _TARGET.fullmatch(target) or not parts.netloc.isascii():
        raise LocalProtocolError(f"{url!r} has characters that must be encoded")
    host = parts.netloc.removesuffix(_PORTS[parts.scheme])
    lines = [f"GET {target} HTTP/1.1".encode(), f"Host: {host}".encode()]
    lines += [b"%b: %b" % field for field in fields]
    if any(byte in line for line in lines for byte in (b"\r", b"\n", b"\0")):
        raise LocalProtocolError("a field has CR, LF or NUL in it")
    return b"\r\n".join([*lines, b"", b""])


def _check(response: Response, key: bytes) -> None:
    """Look whether a server agrees (RFC 6455, section 4.1)."""
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise Refused(f"the server answered {response.status}", response.status, response.headers)
    connection = {name.strip().lower() for name in response.header(b"connection").split(",")}
    if response.header(b"upgrade").lower() != "websocket" or "upgrade" not in connection:
        raise Refused("the server switched to something else", response.status)
    if response.header(b"sec-websocket-accept") != accepted(key).decode():
        raise Refused("the server did not understand the key", response.status)


def _extension(response: Response, *, compress: bool) -> tuple[deflate.Inflater, deflate.Deflater] | tuple[None, None]:
    """What the server made of our offer to compress."""
    value = response.header(b"sec-websocket-extensions")
    try:
        extensions = extensions_of(value)
    except ValueError as error:
        raise Refused(f"Sec-WebSocket-Extensions: {error}", response.status) from None
    if not extensions:
        return None, None
    [(name, parameters), *more] = extensions
    agreement = deflate.confirm(parameters) if compress and name == deflate.NAME and not more else None
    if agreement is None:
        raise Refused(f"the server chose extensions that were not offered: {value!r}", response.status)
    return agreement.ends(client=True)
