"""hypercorn on the loop of uvloop."""

from __future__ import annotations

import asyncio
import socket

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

from bench.peers.hello import asgi
from bench.peers.serving import BACKLOG, HOST, announce, parse_arguments


async def _serve() -> None:
    listening = socket.create_server((HOST, 0), backlog=BACKLOG)
    config = Config()
    config.bind = [f"fd://{listening.fileno()}"]
    config.backlog = BACKLOG
    config.loglevel = "ERROR"
    announce(listening.getsockname()[1])
    await serve(asgi, config)


if __name__ == "__main__":
    parse_arguments()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
