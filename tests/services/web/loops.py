"""Applications on real asyncio loops and real sockets, asked by clients that others wrote."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from netforge.protocols.http import Application, HTTPFactory
from tests.cli.conftest import PATIENCE
from tests.conftest import Drive
from tests.reactors import fresh_reactors

__all__ = ["LOOPS", "Serving", "drive_loop"]

#: The reactors that run on an asyncio loop.
LOOPS = ("asyncio", "forge")


@pytest.fixture(params=LOOPS)
def drive_loop(request: pytest.FixtureRequest, reactor_name: str | None) -> Iterator[Drive]:
    """Runs a scenario on one reactor after the other, or on that which was asked for."""
    if reactor_name not in (None, request.param):
        pytest.skip(f"{reactor_name} was asked for")
    with fresh_reactors(request.param) as make:
        yield Drive(make)


class Serving:
    """An application that is served.

    :ivar address: host and port.
    """

    def __init__(self, reactor: Any, application: Application) -> None:
        self.reactor = reactor
        self._port = reactor.listenTCP(0, HTTPFactory(application, reactor), interface="127.0.0.1")
        self.address = f"127.0.0.1:{self._port.getHost().port}"

    def thread(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Do something that waits."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), call, *arguments)

    async def curl(self, path: str, *options: str, send: bytes | None = None) -> bytes:
        """What curl prints."""
        command = ["curl", "-sS", "--max-time", str(PATIENCE), *options, f"http://{self.address}{path}"]
        done = await self.thread(lambda: subprocess.run(command, input=send, check=True, stdout=subprocess.PIPE))
        said: bytes = done.stdout
        return said

    async def stop(self) -> None:
        """Listen no more."""
        await self._port.stopListening()
