"""The backend that most need: quotes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from zope.interface import implementer

from netforge.protocols.echo._quote import format_quote
from netforge.protocols.echo.interfaces import IQuotes
from netforge.protocols.errors import LocalProtocolError

__all__ = ["Quotes"]


@implementer(IQuotes)
class Quotes:
    """Quotes in memory, a random one each time.

    :param quotes: at least one. All are checked here, so that a bad one shows at the start and not to a peer.
    :param random: the source of chance.
    :raises LocalProtocolError: there are none, or :func:`format_quote` refuses one.
    """

    def __init__(self, quotes: Sequence[str], random: Random) -> None:
        if not quotes:
            raise LocalProtocolError("there are no quotes")
        for quote in quotes:
            format_quote(quote)
        self._quotes = tuple(quotes)
        self._random = random

    def quote(self) -> str:
        """Choose one."""
        return self._random.choice(self._quotes)
