"""What an application is told of a request (PEP 3333, "environ Variables")."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from twisted.logger import Logger, LoggingFile, LogLevel

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, path_of, raw_target
from netforge.services.web.wsgi.files import FileWrapper

__all__ = ["environ_of"]

#: Writes what applications write into ``wsgi.errors``.
log = Logger()

_ALWAYS = {
    "wsgi.version": (1, 0),
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.file_wrapper": FileWrapper,
}


def environ_of(exchange: Exchange) -> dict[str, Any]:
    """All but ``wsgi.input``. For the thread of the reactor.

    :raises HTTPError: with status 400, if the path could be read in two ways.
    """
    request = exchange.request
    connection = Connection.of(exchange.transport)
    mount = exchange.mount
    server, peer = connection.host, connection.peer
    _, query = raw_target(request.target)
    # What has no host and no port is a UNIX socket.
    environ: dict[str, Any] = {
        **_ALWAYS,
        "wsgi.url_scheme": "http" if connection.tls is None else "https",
        "wsgi.errors": LoggingFile(log, LogLevel.error),
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": _native(mount),
        "PATH_INFO": _native(path_of(request.target)[len(mount) :]),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "SERVER_NAME": getattr(server, "host", "localhost"),
        "SERVER_PORT": str(getattr(server, "port", 80)),
        "REMOTE_ADDR": getattr(peer, "host", ""),
        "REMOTE_PORT": str(getattr(peer, "port", "")),
    }
    if exchange.user:
        environ["REMOTE_USER"] = exchange.user
    for name, value in request.headers:
        key = _key(name)
        if key in environ:
            # RFC 9110, section 5.3, and RFC 6265, section 5.4.
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value.decode("latin-1")
        elif key:
            environ[key] = value.decode("latin-1")
    if request.authority:
        # A host in the target goes before Host (RFC 9112, section 3.2.2).
        environ["HTTP_HOST"] = request.authority
    return environ


def _native(text: str) -> str:
    """As PEP 3333 has text: a character for each byte."""
    return text if text.isascii() else text.encode().decode("latin-1")


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """Where a field's value goes; empty if nowhere."""
    if name in (b"content-type", b"content-length"):
        return name.decode().upper().replace("-", "_")
    # x_a would pass for x-a, and programs take HTTP_PROXY for the address of a proxy (CVE-2016-5385).
    if b"_" in name or name == b"proxy":
        return ""
    return "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
