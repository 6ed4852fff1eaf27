"""ASGI applications on the simulated network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netforge.protocols.http import run
from netforge.reactor.anyloop import loop_of
from netforge.services.web.asgi import ASGIApplication
from netforge.testing import Network
from tests.protocols.http.server import Server
from tests.services.web.loops import drive_loop

__all__ = ["Serve", "Served", "drive_loop", "serve"]


class Served(Server):
    """A server of an ASGI application.

    :ivar asgi: the application.
    """

    def __init__(self, network: Network, asgi: ASGIApplication) -> None:
        super().__init__(network, lambda exchange: run(asgi, exchange))
        self.asgi = asgi


Serve = Callable[..., Served]


@pytest.fixture
def serve(network: Network) -> Iterator[Serve]:
    """Serves an application, until the end of the test."""
    running: list[ASGIApplication] = []

    def start(app: Any, *, lifespan: Any = "off", **options: Any) -> Served:
        reactor = network.machine("server").reactor
        asgi = ASGIApplication(app, loop_of(reactor), reactor, lifespan=lifespan, **options)
        network.run_until(asgi.start())
        running.append(asgi)
        return Served(network, asgi)

    yield start
    for asgi in running:
        network.run_until(asgi.stop())
