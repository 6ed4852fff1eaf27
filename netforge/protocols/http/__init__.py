"""HTTP/1.1 and HTTP/2 for servers (RFC 9110, RFC 9112, RFC 9113)."""

from netforge.protocols.http.dates import DateField
from netforge.protocols.http.errors import BadRequest, HTTPError
from netforge.protocols.http.events import Headers, Request
from netforge.protocols.http.exchange import Application, Decoration, Exchange, Fields
from netforge.protocols.http.paths import path_of, raw_target
from netforge.protocols.http.running import run
from netforge.protocols.http.server import HTTPFactory
from netforge.protocols.http.wrapped import WrappedExchange

__all__ = [
    "Application",
    "BadRequest",
    "DateField",
    "Decoration",
    "Exchange",
    "Fields",
    "HTTPError",
    "HTTPFactory",
    "Headers",
    "Request",
    "WrappedExchange",
    "path_of",
    "raw_target",
    "run",
]
