"""The six small services of RFC 862 to 868, on streams and on datagrams, server and client.

================= ======= ==== ============================
service           RFC     port what it does
================= ======= ==== ============================
echo              RFC 862    7 sends back what it gets
discard           RFC 863    9 throws away what it gets
chargen           RFC 864   19 sends characters without end
quote of the day  RFC 865   17 sends a quote
daytime           RFC 867   13 sends the time as text
time              RFC 868   37 sends the time as a number
================= ======= ==== ============================

A server, with any reactor of Twisted's::

    reactor.listenTCP(7, EchoFactory(reactor))
    reactor.listenUDP(13, DaytimeDatagrams(reactor))

A client::

    now = await read_time(HostnameEndpoint(reactor, "time.example.org", 37), reactor)
"""

from __future__ import annotations

from netforge.protocols.echo._answer import AnswerReader
from netforge.protocols.echo._chargen import CharacterGenerator
from netforge.protocols.echo._daytime import DAYTIME_CAP, format_daytime, parse_daytime
from netforge.protocols.echo._quote import QUOTE_CAP, format_quote, parse_quote
from netforge.protocols.echo._time import TIME_SIZE, decode_time, encode_time
from netforge.protocols.echo.client import echo, exchange, read_daytime, read_quote, read_time
from netforge.protocols.echo.datagrams import (
    LOWEST_SOURCE_PORT,
    CharacterGeneratorDatagrams,
    DaytimeDatagrams,
    DiscardDatagrams,
    EchoDatagrams,
    QuoteDatagrams,
    TimeDatagrams,
)
from netforge.protocols.echo.events import Answer
from netforge.protocols.echo.interfaces import IQuotes
from netforge.protocols.echo.quotes import Quotes
from netforge.protocols.echo.server import (
    CharacterGeneratorFactory,
    DaytimeFactory,
    DiscardFactory,
    EchoFactory,
    QuoteFactory,
    TimeFactory,
)

__all__ = [
    "DAYTIME_CAP",
    "LOWEST_SOURCE_PORT",
    "QUOTE_CAP",
    "TIME_SIZE",
    "Answer",
    "AnswerReader",
    "CharacterGenerator",
    "CharacterGeneratorDatagrams",
    "CharacterGeneratorFactory",
    "DaytimeDatagrams",
    "DaytimeFactory",
    "DiscardDatagrams",
    "DiscardFactory",
    "EchoDatagrams",
    "EchoFactory",
    "IQuotes",
    "QuoteDatagrams",
    "QuoteFactory",
    "Quotes",
    "TimeDatagrams",
    "TimeFactory",
    "decode_time",
    "echo",
    "encode_time",
    "exchange",
    "format_daytime",
    "format_quote",
    "parse_daytime",
    "parse_quote",
    "read_daytime",
    "read_quote",
    "read_time",
]
