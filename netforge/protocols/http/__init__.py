"""HTTP/1.1 and HTTP/2 for servers, and HTTP/1.1 for clients (RFC 9110, RFC 9112, RFC 9113)."""

from netforge.protocols.http.client import HTTPClientProtocol
from netforge.protocols.http.dates import DateField
from netforge.protocols.http.errors import BadRequest, BadResponse, HTTPError, NoResponse, ResponseCut, ResponseTimeout
from netforge.protocols.http.events import Headers, Request, Response
from netforge.protocols.http.exchange import Application, Decoration, ErrorPage, Exchange, Fields
from netforge.protocols.http.outgoing import OutgoingExchange
from netforge.protocols.http.paths import path_of, raw_target
from netforge.protocols.http.running import begun, run
from netforge.protocols.http.server import HTTPFactory
from netforge.protocols.http.wrapped import WrappedExchange

__all__ = [
    "Application",
    "BadRequest",
    "BadResponse",
    "DateField",
    "Decoration",
    "ErrorPage",
    "Exchange",
    "Fields",
    "HTTPClientProtocol",
    "HTTPError",
    "HTTPFactory",
    "Headers",
    "NoResponse",
    "OutgoingExchange",
    "Request",
    "Response",
    "ResponseCut",
    "ResponseTimeout",
    "WrappedExchange",
    "begun",
    "path_of",
    "raw_target",
    "run",
]
