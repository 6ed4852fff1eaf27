"""WSGI applications on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netforge.protocols.http import run
from netforge.services.web.wsgi import WSGIApplication
from netforge.testing import Network
from tests.protocols.http.server import Server

Serve = Callable[..., Server]


@pytest.fixture
def serve(network: Network) -> Iterator[Serve]:
    """Serves an application, until the end of the test."""
    running: list[WSGIApplication] = []

    def start(app: Any, *, around: Any = lambda application: application, **options: Any) -> Server:
        application = WSGIApplication(app, network.machine("server").reactor, **options)
        running.append(application)

        async def begin() -> None:
            # While the network runs, so that the threads are the network's.
            application.start()

        network.run_until(begin())
        inner = around(application)
        return Server(network, lambda exchange: run(inner, exchange))

    yield start
    for application in running:
        network.run_until(application.stop())
