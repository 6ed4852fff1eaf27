"""Starts and stops what accounts are made of."""

from __future__ import annotations

from collections.abc import Callable

from netforge.plugin import Context, IHealth, IMetrics
from netforge.shared.accounts.journal import Journal
from netforge.shared.accounts.passwords import Passwords
from netforge.shared.accounts.pool import FairPool
from netforge.shared.accounts.source import Source

__all__ = ["Keeper"]


class Keeper:
    """The life of the component."""

    def __init__(
        self, context: Context, pool: FairPool, passwords: Passwords, source: Source, journal: Journal
    ) -> None:
        self._name = context.name
        self._health = context[IHealth]
        self._waiting = context[IMetrics].gauge("netforge_passwords_waiting", "Passwords that wait to be hashed")
        self._pool = pool
        self._passwords = passwords
        self._source = source
        self._journal = journal
        self._unwatch: Callable[[], None] | None = None

    async def start(self) -> None:
        """Start everything, or nothing."""
        self._pool.start()
        try:
            await self._passwords.start()
            await self._source.start()
        except BaseException:
            await self._pool.stop()
            raise
        self._waiting.set_function(lambda: self._pool.waiting)
        self._unwatch = self._health.watch(self._name, self._source.look)

    async def stop(self) -> None:
        """Stop everything."""
        if self._unwatch is not None:
            self._unwatch()
        await self._source.stop()
        await self._pool.stop()
        self._journal.stop()
