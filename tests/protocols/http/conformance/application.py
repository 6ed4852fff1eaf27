"""What is asked, besides files: an application that takes bodies and gives trailers."""

from __future__ import annotations

from netforge.protocols.http import Exchange

__all__ = ["answer"]


async def answer(exchange: Exchange) -> None:
    """Answers with the method and how many bytes came, and below ``/trailers`` once more in a trailer."""
    size = 0
    while piece := await exchange.read():
        size += len(piece)
    said = f"{exchange.request.method} {size}\n".encode()
    if not exchange.request.target.endswith("/trailers"):
        exchange.respond(200, (), said)
        return
    exchange.begin(200)
    exchange.write(said)
    exchange.end([(b"x-size", b"%d" % size)])
