"""A guest book: a page with a form, sessions, and entries in the database."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import StringConstraints

from netforge.plugin import Context, IDatabase, ISessions, Task
from netforge.services.web import Hosted
from netforge.web import HTML, Redirect, Request, Site, StoredSessions, Templates, add_openapi

entries = sa.Table(
    "guestbook_entries",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(60)),
    sa.Column("text", sa.String(500)),
    sa.Column("written", sa.Double),
)


@dataclass
class Entry:
    """What the form holds."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Book:
    """The entries."""

    def __init__(self, database: IDatabase) -> None:
        self._database = database

    async def open(self) -> None:
        """Make the table."""
        await self._database.migrate("guestbook", "guestbook.migrations")

    async def newest(self, count: int) -> list[dict[str, Any]]:
        """The latest entries."""
        wanted = sa.select(entries).order_by(entries.c.id.desc()).limit(count)

        def work(connection: sa.Connection) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(wanted).mappings()]

        return await self._database.run(work, read_only=True)

    async def add(self, entry: Entry, written: float) -> None:
        """Write one."""
        statement = entries.insert().values(name=entry.name, text=entry.text, written=written)
        await self._database.run(lambda connection: connection.execute(statement))


def make(context: Context) -> Hosted:
    """The site, given what the host has for it."""
    book = Book(context[IDatabase])
    templates = Templates(Path(__file__).parent / "templates", date=date)
    site = Site(sessions=StoredSessions(context[ISessions], "guestbook", random=context.random))

    @site.get("/")
    async def read(request: Request) -> HTML:
        """Show the book, and the form."""
        session = await request.session()
        thanks = session.pop("thanks", False)
        return templates.page("book.html", entries=await book.newest(50), name=session.get("name", ""), thanks=thanks)

    @site.post("/")
    async def write(request: Request, entry: Entry) -> Redirect:
        """Take an entry from the form, and show the book again."""
        await book.add(entry, context.clock.seconds())
        session = await request.session()
        session["name"], session["thanks"] = entry.name, True
        return Redirect(request.exchange.request.target)

    @site.get("/entries")
    async def latest(count: int = 10) -> list[dict[str, Any]]:
        """The latest entries, for programs."""
        return await book.newest(min(count, 100))

    add_openapi(site, "Guest book")
    return Hosted(site, [Task(book.open, lambda: None, "the guest book")])


def date(seconds: float) -> str:
    """A day in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%-d %B %Y}"
