"""The six services on datagrams: one answer to each datagram, to be given to ``listenUDP``.

An answer can be longer than what asked for it, and the source of a datagram can be forged: character generator and
quote of the day amplify an attack on a third party, so keep them off the open Internet.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from twisted.internet.error import MessageLengthError
from twisted.internet.interfaces import IReactorTime, IUDPTransport
from twisted.internet.protocol import DatagramProtocol

from netforge.protocols.echo._chargen import CharacterGenerator
from netforge.protocols.echo._daytime import format_daytime
from netforge.protocols.echo._quote import format_quote
from netforge.protocols.echo._time import encode_time
from netforge.protocols.echo.interfaces import IQuotes

__all__ = [
    "LOWEST_SOURCE_PORT",
    "CharacterGeneratorDatagrams",
    "DaytimeDatagrams",
    "DiscardDatagrams",
    "EchoDatagrams",
    "QuoteDatagrams",
    "TimeDatagrams",
]

LOWEST_SOURCE_PORT = 1024
"""Datagrams from lower ports are dropped, and so are those from our own port number on any host.

Services like these are there, and clients are not. One datagram with a forged source would make two services, or one
and itself, answer each other for ever.
"""


class _Answering(DatagramProtocol):
    noisy = False
    transport: IUDPTransport

    def startProtocol(self) -> None:
        self._own_port = self.transport.getHost().port

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if addr[1] < LOWEST_SOURCE_PORT or addr[1] == self._own_port:
            return
        answer = self._answer(datagram)
        # Sources that cannot be reached and full send buffers are everyday, anyone can cause them, and UDP may lose
        # any answer: none is worth a traceback in the log. MessageLengthError is Twisted's word for EMSGSIZE.
        with suppress(OSError, MessageLengthError):
            self.transport.write(answer, addr)

    @abstractmethod
    def _answer(self, request: bytes) -> bytes: ...


class EchoDatagrams(_Answering):
    """Echo, RFC 862: send each datagram back.

    Twisted cuts what is longer than the ``maxPacketSize`` of ``listenUDP``, 8192 bytes unless told otherwise.
    """

    def _answer(self, request: bytes) -> bytes:
        return request


class DiscardDatagrams(DatagramProtocol):
    """Discard, RFC 863: throw each datagram away."""

    noisy = False


class CharacterGeneratorDatagrams(_Answering):
    """Character generator, RFC 864: answer with a random number of characters, always from the start of the pattern.

    :param random: the source of chance.
    :param cap: the most bytes of an answer; RFC 864 has 512.
    """

    def __init__(self, random: Random, cap: int = 512) -> None:
        self._random = random
        self._cap = cap

    def _answer(self, request: bytes) -> bytes:
        return CharacterGenerator().read(self._random.randint(0, self._cap))


class DaytimeDatagrams(_Answering):
    """Daytime, RFC 867: answer with the time as text, see :func:`format_daytime`.

    :param clock: its seconds are Unix time, as those of every reactor of Twisted's are.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def _answer(self, request: bytes) -> bytes:
        return format_daytime(datetime.fromtimestamp(self._clock.seconds(), UTC))


class TimeDatagrams(_Answering):
    """Time, RFC 868: answer with the time as a number, see :func:`encode_time`.

    :param clock: its seconds are Unix time, as those of every reactor of Twisted's are.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def _answer(self, request: bytes) -> bytes:
        return encode_time(self._clock.seconds())


class QuoteDatagrams(_Answering):
    """Quote of the day, RFC 865: answer with a quote, see :func:`format_quote`.

    :param quotes: where quotes come from, such as :class:`Quotes`.
    """

    def __init__(self, quotes: IQuotes) -> None:
        self._quotes = quotes

    def _answer(self, request: bytes) -> bytes:
        return format_quote(self._quotes.quote())
