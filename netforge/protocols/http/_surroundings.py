"""What the connections of one factory share."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from netforge.protocols.http.dates import DateField
from netforge.protocols.http.exchange import Application

__all__ = ["PREFACE", "Surroundings"]

#: What a client of HTTP/2 says first (RFC 9113, section 3.4), whether or not that was agreed on in TLS.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass(slots=True)
class Surroundings:
    """See :class:`~netforge.protocols.http.HTTPFactory`.

    :param retired: whether connections are to end, each after its next response.
    """

    application: Application
    clock: IReactorTime
    date: DateField
    idle: float | None
    max_head: int
    max_fields: int
    retired: bool = False
