"""HTTP/1.1 and HTTP/2 for servers (RFC 9110, RFC 9112, RFC 9113)."""

from netforge.protocols.http.dates import DateField
from netforge.protocols.http.errors import BadRequest
from netforge.protocols.http.events import Headers, Request
from netforge.protocols.http.exchange import Application, Exchange, Fields
from netforge.protocols.http.server import HTTPFactory

__all__ = [
    "Application",
    "BadRequest",
    "DateField",
    "Exchange",
    "Fields",
    "HTTPFactory",
    "Headers",
    "Request",
]
