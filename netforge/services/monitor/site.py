"""The pages of the monitor."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence

from netforge.plugin import IReadings, IServices, ServiceStatus
from netforge.protocols.http import Exchange, path_of

__all__ = ["MonitorSite", "readiness"]

TEXT = "text/plain; charset=utf-8"


def readiness(
    services: Sequence[ServiceStatus], health: Mapping[str, str], name: str | None = None
) -> tuple[bool, str] | None:
    """Whether everything, or what has a name, is ready, with a line on each; ``None`` if nothing has the name.

    :param health: for each name that is checked, what is wrong; empty if nothing is.
    """
    wrong = {one.name: "" if one.ready else "it starts or stops" for one in services}
    for checked, problem in health.items():
        wrong[checked] = wrong.get(checked) or problem
    if name is not None:
        wrong = {one: problem for one, problem in wrong.items() if one == name}
        if not wrong:
            return None
    lines = (f"{one}: not ready: {problem}\n" if problem else f"{one}: ready\n" for one, problem in wrong.items())
    return not any(wrong.values()), "".join(lines)


class MonitorSite:
    """The application: ``/metrics``, ``/live``, ``/ready`` and ``/ready/NAME``, one request a connection."""

    def __init__(self, readings: IReadings, services: IServices) -> None:
        self._readings = readings
        self._services = services

    def __call__(self, exchange: Exchange) -> Awaitable[None] | None:
        request = exchange.request
        page, _, name = path_of(request.target)[1:].partition("/")
        match page:
            case _ if request.method not in ("GET", "HEAD"):
                _send(exchange, 405, "only GET and HEAD are answered here\n", (b"allow", b"GET, HEAD"))
            case "ready":
                return self._ready(exchange, name)
            case "metrics" if not name:
                accept = (request.header(b"accept") or b"").decode("latin-1")
                kind, numbers = self._readings.numbers(accept)
                _send(exchange, 200, numbers, kind=kind)
            case "live" if not name:
                # That the reactor turns, which any answer says.
                _send(exchange, 200, "live\n")
            case _:
                _send(exchange, 404, "there are /metrics, /live, /ready and /ready/NAME\n")
        return None

    async def _ready(self, exchange: Exchange, name: str) -> None:
        health = await self._readings.health()
        found = readiness(self._services.services(), health, name or None)
        if found is None:
            _send(exchange, 404, f"nothing here is called {name}\n")
        else:
            ready, text = found
            _send(exchange, 200 if ready else 503, text)


def _send(
    exchange: Exchange, status: int, content: str | bytes, *fields: tuple[bytes, bytes], kind: str = TEXT
) -> None:
    body = content.encode() if isinstance(content, str) else content
    # Who keeps a connection between two looks only holds up the end of the process.
    exchange.respond(status, [(b"content-type", kind.encode()), (b"connection", b"close"), *fields], body)
