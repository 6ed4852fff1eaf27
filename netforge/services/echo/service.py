"""Settings and wiring of the small services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from netforge.plugin import Context, Datagram, Field, Listen, Parts, Settings, Stream, service
from netforge.protocols.echo import (
    CharacterGeneratorDatagrams,
    CharacterGeneratorFactory,
    DaytimeDatagrams,
    DaytimeFactory,
    DiscardDatagrams,
    DiscardFactory,
    EchoDatagrams,
    EchoFactory,
    QuoteDatagrams,
    QuoteFactory,
    Quotes,
    TimeDatagrams,
    TimeFactory,
)
from netforge.protocols.errors import LocalProtocolError
from netforge.services.echo.commands import PING, TIME

__all__ = ["EchoSettings", "echo"]

#: What qotd says when it is given no file.
QUOTES = (
    "Be liberal in what you accept, and conservative in what you send. (RFC 1122, section 1.2.2)",
    "It is easier to move a problem around than it is to solve it. (RFC 1925, section 2)",
    "With sufficient thrust, pigs fly just fine. (RFC 1925, section 2)",
    "Every old idea will be proposed again with a different name. (RFC 1925, section 2)",
    "Some things in life can never be fully appreciated nor understood unless experienced firsthand. "
    "(RFC 1925, section 2)",
)


class EchoSettings(Settings):
    """The small services: echo, discard, daytime, time, chargen, qotd (RFC 862 to 868)."""

    listen: list[Listen] = Field(
        [Listen("tcp:127.0.0.1:7007"), Listen("udp:127.0.0.1:7007")],
        description="where to listen, on streams and datagrams",
        min_length=1,
    )
    protocol: Literal["echo", "discard", "daytime", "time", "chargen", "qotd"] = Field(
        "echo", description="which of the services"
    )
    idle: float = Field(
        60.0, gt=0, description="seconds without progress after which an echo, discard or chargen connection is closed"
    )
    datagram_cap: int = Field(
        512, ge=0, le=65507, description="the most bytes that chargen answers a datagram with (RFC 864: 512)"
    )
    quotes: Path | None = Field(
        None, description="for qotd: a text file, one quote a line; without it, quotes from RFCs", watch=True
    )


class Kind(NamedTuple):
    """How one protocol is served, and how to try it on streams and on datagrams."""

    factory: Callable[[EchoSettings, Context], Any]
    receiver: Callable[[EchoSettings, Context], Any]
    try_stream: str
    try_datagram: str


ASK = "{nc} </dev/null"
ASK_BY_DATAGRAM = "echo | {nc}"

KINDS = {
    "echo": Kind(
        lambda settings, context: EchoFactory(context.clock, settings.idle),
        lambda settings, context: EchoDatagrams(),
        "echo hello | {nc}",
        "echo hello | {nc}",
    ),
    "discard": Kind(
        lambda settings, context: DiscardFactory(context.clock, settings.idle),
        lambda settings, context: DiscardDatagrams(),
        "echo hello | {nc}",
        "echo hello | {nc}",
    ),
    "daytime": Kind(
        lambda settings, context: DaytimeFactory(context.clock),
        lambda settings, context: DaytimeDatagrams(context.clock),
        ASK,
        ASK_BY_DATAGRAM,
    ),
    "time": Kind(
        lambda settings, context: TimeFactory(context.clock),
        lambda settings, context: TimeDatagrams(context.clock),
        f"{ASK} | od -An -tu4 --endian=big",
        f"{ASK_BY_DATAGRAM} | od -An -tu4 --endian=big",
    ),
    "chargen": Kind(
        lambda settings, context: CharacterGeneratorFactory(context.clock, settings.idle),
        lambda settings, context: CharacterGeneratorDatagrams(context.random, settings.datagram_cap),
        f"{ASK} | head -n 5",
        ASK_BY_DATAGRAM,
    ),
    "qotd": Kind(
        lambda settings, context: QuoteFactory(_quotes(settings, context)),
        lambda settings, context: QuoteDatagrams(_quotes(settings, context)),
        ASK,
        ASK_BY_DATAGRAM,
    ),
}

LAB = """
[services.echo]
listen = [
    "tcp:127.0.0.1:7007",
    "udp:127.0.0.1:7007",
    "unix:echo.sock",
    { address = "tcp:127.0.0.1:7443", tls = true },
]

[services.discard]
service = "echo"
protocol = "discard"
listen = ["tcp:127.0.0.1:7009", "udp:127.0.0.1:7009"]

[services.daytime]
service = "echo"
protocol = "daytime"
listen = ["tcp:127.0.0.1:7013", "udp:127.0.0.1:7013"]

[services.qotd]
service = "echo"
protocol = "qotd"
listen = ["tcp:127.0.0.1:7017", "udp:127.0.0.1:7017"]

[services.chargen]
service = "echo"
protocol = "chargen"
listen = ["tcp:127.0.0.1:7019", "udp:127.0.0.1:7019"]

[services.time]
service = "echo"
protocol = "time"
listen = ["tcp:127.0.0.1:7037", "udp:127.0.0.1:7037"]
"""


# The protocols that last have deadlines of their own, and of chargen's clients no word is expected.
@service("echo", EchoSettings, listener={"limits": {"greeting": 0, "idle": 0}}, lab=LAB, contributes=[PING, TIME])
def echo(settings: EchoSettings, context: Context) -> Parts:
    """One protocol on every listener."""
    kind = KINDS[settings.protocol]
    for listen in settings.listen:
        if listen.datagram:
            receiver = kind.receiver(settings, context)
            yield Datagram(listen, receiver, protocol=settings.protocol, try_it=kind.try_datagram)
        else:
            factory = kind.factory(settings, context)
            yield Stream(listen, factory, protocol=settings.protocol, try_it=kind.try_stream)


def _quotes(settings: EchoSettings, context: Context) -> Quotes:
    if settings.quotes is None:
        return Quotes(QUOTES, context.random)
    try:
        lines = settings.quotes.read_text(encoding="utf-8").splitlines()
        return Quotes([line for line in lines if line.strip()], context.random)
    except (UnicodeDecodeError, LocalProtocolError) as error:
        raise ValueError(f"{settings.quotes}: {error}") from None
