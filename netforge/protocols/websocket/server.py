"""The server's side: a request becomes a WebSocket."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection
from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import Exchange, Fields, HTTPError, Request
from netforge.protocols.websocket._handshake import VERSION, accepted
from netforge.protocols.websocket._reader import MessageReader
from netforge.protocols.websocket._writer import MessageWriter
from netforge.protocols.websocket.errors import CloseCode, Closed
from netforge.protocols.websocket.extensions import deflate
from netforge.protocols.websocket.extensions.parameters import extensions_of, tokens_of
from netforge.protocols.websocket.limits import Limits
from netforge.protocols.websocket.socket import WebSocket

__all__ = ["accept", "is_websocket", "offered"]

_KEY_SIZE = 16
_PORTS = {"http": ":80", "https": ":443"}


def is_websocket(request: Request) -> bool:
    """Whether a request asks for a WebSocket: by ``Upgrade`` in HTTP/1.1, by ``:protocol`` in HTTP/2 (RFC 8441)."""
    if request.version == "2":
        return request.method == "CONNECT" and request.upgrade == "websocket"
    if request.version != "1.1" or request.method != "GET":
        return False
    return "websocket" in (name.strip() for name in request.upgrade.split(","))


def offered(request: Request) -> list[str]:
    """The subprotocols that the client can speak, the one that it likes best first (RFC 6455, section 1.9).

    :raises HTTPError: with status 400, if that is no list of names.
    """
    try:
        return tokens_of((request.header(b"sec-websocket-protocol") or b"").decode("latin-1"))
    except ValueError as error:
        raise HTTPError(HTTPStatus.BAD_REQUEST, f"Sec-WebSocket-Protocol: {error}") from None


def accept(
    exchange: Exchange,
    *,
    clock: IReactorTime,
    subprotocol: str | None = None,
    fields: Fields = (),
    origins: Collection[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008  immutable
    compress: bool = True,
) -> WebSocket:
    """Agree to speak WebSocket with who sent a request.

    :param exchange: of whose request :func:`is_websocket` is true.
    :param clock: what silence is measured by, such as the reactor.
    :param subprotocol: what to speak, one of those :func:`offered`.
    :param fields: more of them for the response, such as Set-Cookie.
    :param origins: the origins whose pages may connect, such as ``https://example.org``; ``*`` for all of them. By
        default those of the host that is asked for. What is no browser names no origin, and may always connect.
    :param limits: what the client may cost.
    :param compress: whether messages are compressed, if the client can do that (RFC 7692). Do not, where a secret and
        what a stranger wrote may stand in one message: its size would tell the one who wrote.
    :raises HTTPError: if the request is no such one (426), is not well formed (400), or comes from a page of another
        origin (403).
    :raises Closed: if the client is gone.
    :raises LocalProtocolError: if the client does not offer the subprotocol, or the response has begun.
    """
    request = exchange.request
    if exchange.lost:
        raise Closed(CloseCode.ABNORMAL)
    _check(request)
    _check_origin(request, origins)
    if subprotocol is not None and subprotocol not in offered(request):
        raise LocalProtocolError(f"the client does not offer {subprotocol!r}")
    said = []
    if request.version != "2":
        key = request.header(b"sec-websocket-key") or b""
        said = [(b"upgrade", b"websocket"), (b"connection", b"upgrade"), (b"sec-websocket-accept", accepted(key))]
    if subprotocol is not None:
        said.append((b"sec-websocket-protocol", subprotocol.encode()))
    inflater = deflater = None
    if compress and (agreed := _agreed(request)):
        agreement, words = agreed
        said.append((b"sec-websocket-extensions", words.encode()))
        inflater, deflater = agreement.ends(client=False)
    reader = MessageReader(masked=True, most=limits.message, inflater=inflater)
    socket = WebSocket(reader, MessageWriter(None, deflater), clock, limits, subprotocol, client=False)
    exchange.switch([*said, *fields], socket)
    return socket


def _check(request: Request) -> None:
    """Look whether a request is a right one (RFC 6455, section 4.2.1)."""
    if not is_websocket(request):
        upgrade = [(b"upgrade", b"websocket"), (b"connection", b"upgrade")]
        raise HTTPError(HTTPStatus.UPGRADE_REQUIRED, "a WebSocket is here", upgrade)
    if request.header(b"sec-websocket-version") != VERSION:
        raise HTTPError(
            HTTPStatus.UPGRADE_REQUIRED,
            f"version {VERSION.decode()} of WebSocket is spoken here",
            [(b"sec-websocket-version", VERSION), (b"upgrade", b"websocket"), (b"connection", b"upgrade")],
        )
    if request.version == "2":
        return
    try:
        key = b64decode(request.header(b"sec-websocket-key") or b"", validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_SIZE:
        raise HTTPError(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key has no 16 bytes in Base64")


def _check_origin(request: Request, origins: Collection[str] | None) -> None:
    """Look whether a page may connect (RFC 6455, section 10.2)."""
    origin = (request.header(b"origin") or b"").decode("latin-1").lower()
    if not origin:
        return
    if origins is None:
        scheme, _, host = origin.partition("://")
        port = _PORTS.get(scheme, "")
        allowed = bool(host) and host.removesuffix(port) == request.authority.lower().removesuffix(port)
    else:
        allowed = "*" in origins or origin in (one.lower() for one in origins)
    if not allowed:
        raise HTTPError(HTTPStatus.FORBIDDEN, f"pages of {origin} may not connect")


def _agreed(request: Request) -> tuple[deflate.Agreement, str] | None:
    """The first offer to compress that can be taken; one that cannot be read is none."""
    try:
        extensions = extensions_of((request.header(b"sec-websocket-extensions") or b"").decode("latin-1"))
    except ValueError:
        return None
    for name, parameters in extensions:
        if name == deflate.NAME and (agreed := deflate.agree(parameters)) is not None:
            return agreed
    return None
