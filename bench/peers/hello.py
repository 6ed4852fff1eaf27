"""What all web servers answer, and the applications that say so in the terms of their gateways."""

from __future__ import annotations

from typing import Any

__all__ = ["HELLO", "asgi", "rsgi"]

HELLO = b"Hello, world!\n"

_HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(HELLO))],
}
_BODY = {"type": "http.response.body", "body": HELLO}


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """For ASGI, without any framework."""
    assert scope["type"] == "http"
    await send(_HEAD)
    await send(_BODY)


async def rsgi(scope: Any, protocol: Any) -> None:
    """For RSGI, without any framework."""
    assert scope.proto == "http"
    protocol.response_bytes(status=200, headers=[("content-type", "text/plain")], body=HELLO)
