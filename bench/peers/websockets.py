"""The library websockets, with the loop of the standard library."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection, serve

from bench.peers.serving import BACKLOG, HOST, announce, parse_arguments

__all__ = ["main"]


def main(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Serve on the loop that this makes, until the input ends."""
    parse_arguments()
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_serve())


async def _serve() -> None:
    listening = socket.create_server((HOST, 0), backlog=BACKLOG)
    async with serve(_echo, sock=listening):
        announce(listening.getsockname()[1])
        await asyncio.get_running_loop().create_future()


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


if __name__ == "__main__":
    main(asyncio.SelectorEventLoop)
