"""A process that uses a database: ``python -m tests.shared.database.child WHAT SETTINGS ARGUMENT``.

It says that it is ready, and begins when it is sent a line.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from netforge.host.components import with_components
from netforge.host.settings import read_text
from netforge.plugin import Context, IDatabase
from tests.reactors import fresh_reactors
from tests.shared.database.conftest import things


def say(*words: object) -> None:
    """Write a line, at once and with one call."""
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


async def migrate(context: Context, argument: str) -> None:
    await context[IDatabase].migrate("toys", argument)


async def commit(context: Context, argument: str) -> None:
    """Add things without end, so many at a time; each is acknowledged with its number when it is committed."""
    database = context[IDatabase]
    await database.run(things.metadata.create_all)
    last = await database.run(lambda connection: connection.scalar(select(func.max(things.c.id))), read_only=True)
    numbers = count((last or 0) + 1)

    def add(number: int) -> Any:
        return database.run(lambda connection: connection.execute(things.insert().values(id=number)))

    async def add_without_end() -> None:
        for number in numbers:
            await add(number)
            say(number)

    await gatherResults([Deferred.fromCoroutine(add_without_end()) for _ in range(int(argument))], consumeErrors=True)


def main(what: str, settings: str, argument: str) -> None:
    with fresh_reactors("epoll") as make:
        reactor = make()
        ended: list[Any] = []

        def begin() -> None:
            document = read_text(settings, Path.cwd())
            work = {"migrate": migrate, "commit": commit}[what]
            done = with_components("child", [IDatabase], document, reactor, partial(work, argument=argument))
            Deferred.fromCoroutine(done).addBoth(ended.append).addBoth(lambda _: reactor.stop())

        say("ready")
        sys.stdin.readline()
        reactor.callWhenRunning(begin)
        reactor.run()
    for result in ended:
        if isinstance(result, Failure):
            result.raiseException()


if __name__ == "__main__":
    main(*sys.argv[1:])
