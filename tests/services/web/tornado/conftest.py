"""Tornado's applications on real sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netforge.reactor.anyloop import loop_of
from netforge.services.web.tornado import TornadoApplication
from tests.conftest import Drive
from tests.services.web.loops import Serving, drive_loop

__all__ = ["Serve", "Visit", "drive_loop", "serve"]

Visit = Callable[[Serving], Awaitable[None]]
Serve = Callable[..., None]


@pytest.fixture
def serve(drive_loop: Drive) -> Serve:
    """Serves an application while it is visited."""

    def run(app: Any, visit: Visit, *, around: Any = lambda application, reactor: application, **options: Any) -> None:
        async def scenario(reactor: Any) -> None:
            serving = Serving(reactor, around(TornadoApplication(app, loop_of(reactor), **options), reactor))
            try:
                await visit(serving)
            finally:
                await serving.stop()

        drive_loop(scenario)

    return run
