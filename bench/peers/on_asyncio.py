"""The servers on asyncio, as its documentation writes them: protocols, not streams, which are slower."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from bench.peers.serving import BACKLOG, DOWNLOAD, HOST, Arguments, announce, parse_arguments
from bench.peers.timers import TimerLoad

__all__ = ["main"]


class _Stream(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


class _Echo(_Stream):
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class _Sink(_Stream):
    def data_received(self, data: bytes) -> None:
        """Throw it away."""


class _Download(_Stream):
    def data_received(self, data: bytes) -> None:
        self.transport.write(DOWNLOAD)


class _DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


_PROTOCOLS: dict[str, type[_Stream]] = {
    "tcp-echo": _Echo,
    "tcp-echo-factory": _Echo,
    "tls-echo": _Echo,
    "tcp-sink": _Sink,
    "tcp-download": _Download,
}


def main(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Serve what the command line wants on the loop that this makes, until the input ends."""
    arguments = parse_arguments()
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_serve(arguments))


async def _serve(arguments: Arguments) -> None:
    loop = asyncio.get_running_loop()
    match arguments.case:
        case "timers":
            _change_timers(loop, arguments)
        case "udp-echo":
            transport, _ = await loop.create_datagram_endpoint(_DatagramEcho, (HOST, 0))
            announce(transport.get_extra_info("sockname")[1])
        case case:
            context = _tls(arguments) if case == "tls-echo" else None
            server = await loop.create_server(_PROTOCOLS[case], HOST, 0, backlog=BACKLOG, ssl=context)
            announce(server.sockets[0].getsockname()[1])
    await loop.create_future()


def _tls(arguments: Arguments) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate)
    return context


def _change_timers(loop: asyncio.AbstractEventLoop, arguments: Arguments) -> None:
    def start(delay: float) -> asyncio.TimerHandle:
        return loop.call_later(delay, _never)

    def replace(timer: asyncio.TimerHandle, delay: float) -> asyncio.TimerHandle:
        timer.cancel()
        return start(delay)

    # Both operations are the same here: asyncio cannot move a timer.
    TimerLoad(arguments, start, replace, loop.call_soon).run()


def _never() -> None:
    raise AssertionError("this timer is far away")
