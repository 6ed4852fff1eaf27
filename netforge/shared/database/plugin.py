"""The database as a shared component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationInfo, field_validator

from netforge.plugin import Context, Field, IDatabase, IHealth, IMetrics, Offer, Parts, Settings, Task, service
from netforge.plugin.settings import Reading

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["DatabaseSettings", "database"]

#: The name of the file in the component's folder.
FILE = "netforge.db"


class DatabaseSettings(Settings):
    """The database."""

    url: str = Field(
        "",
        description="``postgresql://USER@HOST/NAME``, or ``sqlite:///PATH`` for a file; where it is empty, a file in "
        "the component's folder below ``state``",
    )
    password_file: Path | None = Field(
        None, watch=True, description="a file whose first line is the password for ``url``, which itself has none"
    )
    connections: int = Field(5, ge=2, le=100, description="the most connections; on SQLite, one of them writes")
    timeout: float = Field(10, gt=0, description="seconds that a transaction may wait for a connection, or a lock")

    @field_validator("url")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        from sqlalchemy import make_url  # noqa: PLC0415  see below
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError("expected postgresql://USER@HOST/NAME or sqlite:///PATH") from None
        if url.password is not None or "password" in url.query:
            # With the word "found", the host does not show what it found.
            raise ValueError("found a password in it: keep that in a file of its own, named in password_file")
        if url.drivername not in ("postgresql", "sqlite"):
            raise ValueError(f"expected postgresql://... or sqlite:///..., not {url.drivername}://...")
        if url.drivername == "sqlite":
            if url.database in (None, "", ":memory:") or url.query:
                raise ValueError("expected the path of a file: sqlite:///PATH")
            reading = Reading.of(info)
            if reading is not None:
                url = url.set(database=str(reading.folder / url.database))
        return url.render_as_string(hide_password=False)


def _url(settings: DatabaseSettings, context: Context) -> URL:
    from sqlalchemy import URL, make_url  # noqa: PLC0415

    if not settings.url:
        return URL.create("sqlite", database=str(context.state / FILE))
    url = make_url(settings.url)
    if settings.password_file is not None:
        url = url.set(password=settings.password_file.read_text(encoding="utf-8").split("\n", 1)[0])
    return url


@service("database", DatabaseSettings, needs=[IMetrics, IHealth], offers=[IDatabase])
def database(settings: DatabaseSettings, context: Context) -> Parts:
    """Connections, and the threads that use them."""
    # Late: SQLAlchemy takes a fifth of a second, which no command that only reads settings should wait for.
    from netforge.shared.database.sqldatabase import SQLDatabase  # noqa: PLC0415

    made = SQLDatabase(_url(settings, context), settings.connections, settings.timeout, context)
    return [Task(made.start, made.stop, "the database"), Offer(IDatabase, made)]
