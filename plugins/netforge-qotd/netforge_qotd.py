"""Quote of the Day, RFC 865, as a service of netforge."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

from twisted.internet.protocol import Factory, Protocol

from netforge.plugin import Context, Field, Listen, Parts, Settings, Stream, service

__all__ = ["QuoteProtocol", "QuoteSettings", "quote_of_the_day", "read_quotes"]

#: RFC 865 wants an answer of less than 512 characters; two of them end the line.
LONGEST = 509

BUILT_IN = (b"A protocol is a conversation that somebody wrote down.",)

#: Not called qotd there: netforge's own qotd already is.
LAB = """
[services.quotes]
service = "qotd"
listen = "tcp:127.0.0.1:7117"
"""


class QuoteSettings(Settings):
    """Quote of the Day, RFC 865."""

    listen: Listen = Field(Listen("tcp:17"), description="where to listen")
    quotes: Path | None = Field(
        None, description="a text file, one quote a line; without it, the one that is built in", watch=True
    )


class QuoteProtocol(Protocol):
    """Sends one of the quotes and closes; what the peer sends is thrown away.

    :param quotes: at least one, each of at most 509 bytes.
    :param random: chooses.
    """

    def __init__(self, quotes: Sequence[bytes], random: Random) -> None:
        self.quotes, self.random = quotes, random

    def connectionMade(self) -> None:
        assert self.transport is not None
        # So short that the kernel takes it whole: the close need not wait for the peer to read.
        self.transport.write(self.random.choice(self.quotes) + b"\r\n")
        self.transport.loseConnection()


def read_quotes(path: Path) -> Sequence[bytes]:
    """The quotes in a file.

    :raises OSError: if it cannot be read.
    :raises ValueError: if it holds none, or one that is too long.
    """
    quotes = [line.strip() for line in path.read_bytes().splitlines() if line.strip()]
    if not quotes:
        raise ValueError(f"{path}: expected one quote a line, found none")
    if max(map(len, quotes)) > LONGEST:
        raise ValueError(f"{path}: a quote has at most {LONGEST} bytes (RFC 865)")
    return quotes


@service("qotd", QuoteSettings, lab=LAB)
def quote_of_the_day(settings: QuoteSettings, context: Context) -> Parts:
    """One factory on one listener."""
    quotes = read_quotes(settings.quotes) if settings.quotes else BUILT_IN
    factory = Factory.forProtocol(partial(QuoteProtocol, quotes, context.random))
    return [Stream(settings.listen, factory, try_it="{nc} </dev/null")]
