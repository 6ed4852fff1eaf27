"""Visits: a service that counts who comes, in the database."""

from functools import partial

import sqlalchemy as sa
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from netforge.plugin import (
    Connection,
    Context,
    DatabaseUnavailable,
    IDatabase,
    IStreamTransport,
    Listen,
    Parts,
    Settings,
    Stream,
    Task,
    service,
)

people = sa.Table("visits_people", sa.MetaData(), sa.Column("host", sa.String(100)))


def note(connection: sa.Connection, host: str) -> int:
    """Write down who comes, and count. This runs in a thread, as one transaction."""
    connection.execute(people.insert().values(host=host))
    return connection.execute(sa.select(sa.func.count()).select_from(people)).scalar_one()


class Visit(Protocol):
    """Tells who comes how many there were."""

    transport: IStreamTransport

    def __init__(self, database: IDatabase) -> None:
        self.database = database

    def connectionMade(self) -> None:
        Deferred.fromCoroutine(self.greet())

    async def greet(self) -> None:
        """Count, and say so."""
        peer = Connection.of(self.transport).peer
        try:
            count = await self.database.run(partial(note, host=str(peer)))
            self.transport.write(b"You are visitor %d.\r\n" % count)
        except DatabaseUnavailable:
            self.transport.write(b"Nobody counts today.\r\n")
        self.transport.loseConnection()


class VisitsSettings(Settings):
    """Visits."""

    listen: Listen = Listen("tcp:7020")


@service("visits", VisitsSettings, needs=[IDatabase])
def visits(settings: VisitsSettings, context: Context) -> Parts:
    """Count who comes."""
    database = context[IDatabase]
    yield Task(lambda: database.migrate("visits", f"{__name__}.migrations"), lambda: None)
    yield Stream(settings.listen, Factory.forProtocol(partial(Visit, database)))
