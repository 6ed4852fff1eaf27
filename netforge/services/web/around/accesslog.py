"""The access log: one event for each request, at its end."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from netforge.plugin import Connection
from netforge.protocols.http import Application, Exchange
from netforge.services.web.around.layer import Layer, Premises

__all__ = ["AccessLog"]


class AccessLog:
    """Logs the requests of a site."""

    def __init__(self, premises: Premises) -> None:
        self._site = premises.site
        self._log = premises.context.log
        self._now = premises.context.clock.seconds

    @classmethod
    def of(cls, on: bool, premises: Premises) -> Layer | None:
        """The layer, where it is on."""
        return cls(premises).around if on else None

    def around(self, application: Application) -> Application:
        """Log what an application answers."""

        def logged(exchange: Exchange) -> Awaitable[object] | None:
            exchange.when_done(partial(self._write, self._now()))
            return application(exchange)

        return logged

    def _write(self, began: float, exchange: Exchange) -> None:
        connection = Connection.of(exchange.transport)
        request = exchange.request
        agent = request.header(b"user-agent")
        self._log.info(
            "{method} {target} {status}: {sent} bytes in {duration:.3f} s",
            event="request",
            site=self._site,
            connection=connection.id,
            peer=connection.peer,
            method=request.method,
            target=request.target,
            host=request.authority,
            version=request.version,
            status=exchange.status,
            sent=exchange.sent,
            duration=round(self._now() - began, 6),
            complete=exchange.complete,
            agent=None if agent is None else agent.decode("latin-1"),
            user=exchange.user or None,
            route=exchange.route or None,
        )
