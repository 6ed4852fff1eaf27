"""The pages of the monitor. On twisted.web until netforge has a web toolkit of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from netforge.plugin import IReadings, IServices, ServiceStatus

__all__ = ["MonitorSite", "readiness"]

#: Seconds that a client may be silent.
IDLE = 10

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


class OneRequest(HTTPChannel):
    """Takes one request: a client that kept its connection would hold up every drain."""

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802  Twisted's
        """Close the connection after the answer."""
        request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return False


class MonitorSite(Site):
    """``/metrics``, ``/live``, ``/ready`` and ``/ready/NAME``.

    :param clock: of the reactor that it is served on.
    """

    noisy = False
    protocol = OneRequest  # type: ignore[assignment]  # Site's own speaks HTTP/2 too, and so is a proxy of a channel

    def __init__(self, readings: IReadings, services: IServices, clock: IReactorTime) -> None:
        super().__init__(Pages(readings, services), reactor=clock, timeout=IDLE)

    def acceptableProtocols(self) -> list[bytes]:
        """Speak HTTP/1.1 alone, over TLS too."""
        return [b"http/1.1"]

    def log(self, request: Any) -> None:
        """Write nothing: the connection is in the log, and this is its only request."""


class Pages(Resource):
    """Every page. None of them needs more than its path."""

    isLeaf = True  # noqa: N815  Twisted's

    def __init__(self, readings: IReadings, services: IServices) -> None:
        super().__init__()
        self._readings = readings
        self._services = services

    def render(self, request: Request) -> int:
        """Answer, now or later."""
        path = [part.decode(errors="replace") for part in request.postpath or []]
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader("Allow", "GET, HEAD")
            _send(request, 405, "only GET and HEAD are answered here\n")
        elif path == ["metrics"]:
            kind, numbers = self._readings.numbers(request.getHeader("Accept") or "")
            _send(request, 200, numbers, kind)
        elif path == ["live"]:
            # That the reactor turns, which any answer says.
            _send(request, 200, "live\n")
        elif path[0] == "ready":
            Deferred.fromCoroutine(self._ready(request, "/".join(path[1:]))).addErrback(request.processingFailed)
        else:
            _send(request, 404, "there are /metrics, /live, /ready and /ready/NAME\n")
        return NOT_DONE_YET

    async def _ready(self, request: Request, name: str) -> None:
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        health = await self._readings.health()
        if gone:
            return
        found = readiness(self._services.services(), health, name or None)
        if found is None:
            _send(request, 404, f"nothing here is called {name}\n")
        else:
            ready, text = found
            _send(request, 200 if ready else 503, text)


def _send(request: Request, status: int, content: str | bytes, kind: str = TEXT) -> None:
    body = content.encode() if isinstance(content, str) else content
    request.setResponseCode(status)
    request.setHeader("Content-Type", kind)
    request.setHeader("Content-Length", str(len(body)))
    request.write(body)
    request.finish()
