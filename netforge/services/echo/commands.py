"""``netforge echo ping`` and ``netforge echo time``: the clients of the small services, for people."""

from __future__ import annotations

import sys

from twisted.internet.defer import TimeoutError  # noqa: A004  what the client raises
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError, ConnectionLost
from twisted.internet.interfaces import IStreamClientEndpoint

from netforge.plugin import (
    Address,
    Command,
    CommandFailed,
    Context,
    Field,
    Internet,
    IReactor,
    Settings,
    Unix,
    parse_address,
)
from netforge.protocols.echo import echo, exchange, read_time
from netforge.protocols.errors import RemoteProtocolError

__all__ = ["PING", "TIME"]

FAILURES = (ConnectError, ConnectionLost, RemoteProtocolError, TimeoutError, OSError)


class PingOptions(Settings):
    """Send data to an echo service (RFC 862) and time its return."""

    address: str = Field(description="where it listens: tcp:127.0.0.1:7007, udp:127.0.0.1:7007 or unix:PATH")
    count: int = Field(4, ge=1, description="how many times")
    size: int = Field(56, ge=1, le=65507, description="bytes to send each time")
    timeout: float = Field(5.0, gt=0, description="seconds to wait each time")


async def ping(context: Context, options: PingOptions) -> None:
    """Print a line for each return."""
    reactor, address = context.reactor, _address(options.address)
    for number in range(1, options.count + 1):
        data = _payload(number, options.size)
        begun = reactor.seconds()
        try:
            if isinstance(address, Internet) and address.datagram:
                back = await exchange(reactor, address.host, address.port, data, reactor, timeout=options.timeout)
            else:
                back = await echo(_endpoint(reactor, address), data, reactor, timeout=options.timeout)
        except FAILURES as error:
            raise _failed(address, error, options.timeout) from None
        milliseconds = (reactor.seconds() - begun) * 1000
        sys.stdout.write(f"{len(back)} bytes from {address}: number={number} time={milliseconds:.2f} ms\n")


def _payload(number: int, size: int) -> bytes:
    """Data that differs from one time to the next, so that a late return is not taken for the right one."""
    return (f"{number} " * size).encode()[:size]


class TimeOptions(Settings):
    """Ask a time service (RFC 868) what time it is."""

    address: str = Field(description="where it listens: tcp:127.0.0.1:7037 or unix:PATH")
    timeout: float = Field(5.0, gt=0, description="seconds to wait")


async def time(context: Context, options: TimeOptions) -> None:
    """Print the time in UTC."""
    reactor, address = context.reactor, _address(options.address)
    try:
        now = await read_time(_endpoint(reactor, address), reactor, timeout=options.timeout)
    except FAILURES as error:
        raise _failed(address, error, options.timeout) from None
    sys.stdout.write(f"{now:%Y-%m-%d %H:%M:%S} UTC\n")


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise CommandFailed(f"{text}: {error}") from None


def _failed(address: Address, error: Exception, timeout: float) -> CommandFailed:
    if isinstance(error, TimeoutError):
        reason = f"no answer within {timeout:g} s"
    else:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return CommandFailed(f"{address}: {reason}")


def _endpoint(reactor: IReactor, address: Address) -> IStreamClientEndpoint:
    match address:
        case Internet("tcp", host, port):
            return TCP4ClientEndpoint(reactor, host, port)
        case Internet("tcp6", host, port):
            return TCP6ClientEndpoint(reactor, host, port)
        case Unix(path):
            return UNIXClientEndpoint(reactor, str(path))
        case _:
            raise CommandFailed(f"{address}: expected tcp:, tcp6: or unix:")


PING = Command("echo ping", PingOptions, ping)
TIME = Command("echo time", TimeOptions, time)
