"""A Redis of our own, and a bus on a reactor that runs."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from netforge.plugin import IBus, ISubscription
from netforge.shared.bus import InProcessBus
from netforge.shared.bus.redisbus import RedisBus
from tests.conftest import Drive
from tests.reactors import fresh_reactors

__all__ = ["Redis", "Station"]


class Redis:
    """A Redis that keeps nothing.

    :param options: further ones of its command line.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        assert shutil.which("redis-server"), "redis-server is not installed"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it can be reached."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", *self._options]
        command = ["redis-server", *options]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return
        pytest.fail("Redis has not started")

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def restart(self, *options: str) -> None:
        """Start it afresh, with these further options."""
        self.kill()
        self._options = options
        self.start()

    def ask(self, *command: str) -> str:
        """What it answers."""
        answer = subprocess.run(
            ["redis-cli", "-p", str(self.port), *command], capture_output=True, check=True, text=True
        )
        return answer.stdout.strip()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis."""
    made = Redis(tmp_path)
    yield made
    made.kill()


class Station:
    """A bus, and what its subscribers have received.

    :ivar received: who has received what.
    """

    def __init__(self, reactor: Any, bus: Any) -> None:
        self.reactor = reactor
        self.bus: IBus = bus
        self.received: list[tuple[str, bytes]] = []

    async def subscribe(self, name: str, topic: str = "topic", also: Callable[[bytes], object] = len) -> ISubscription:
        def receive(message: bytes) -> None:
            self.received.append((name, message))
            also(message)

        return await self.bus.subscribe(topic, receive)

    async def rest(self) -> None:
        """Wait until everything that was published by now has been delivered."""
        arrived: Deferred[bytes] = Deferred()
        subscription = await self.bus.subscribe("the end", arrived.callback)
        await self.bus.publish("the end", b"")
        await arrived
        subscription.cancel()

    async def sleep(self, seconds: float) -> None:
        """Let real time pass: only where the world outside has to do something."""
        await deferLater(self.reactor, seconds)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so."""
        while not condition():
            await self.sleep(0.01)


Scenario = Callable[[Station], Coroutine[Any, Any, None]]
OnRedis = Callable[..., None]


@pytest.fixture
def on_redis(redis: Redis) -> Iterator[OnRedis]:
    """Runs a scenario on a bus on Redis, on netforge's reactor."""
    with fresh_reactors("forge") as make:

        def run(scenario: Scenario, url: str = redis.url, password: str | None = None) -> None:
            async def work(reactor: Any) -> None:
                bus = RedisBus(url, password, reactor.loop, reactor, random.Random(1), Logger(namespace="test.bus"))
                await bus.start()
                try:
                    await scenario(Station(reactor, bus))
                finally:
                    await bus.stop()

            Drive(make)(work)

        yield run


@pytest.fixture(params=["inprocess", pytest.param("redis", marks=pytest.mark.real)])
def on_each(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario on each bus in turn."""
    if request.param == "redis":
        on_redis: OnRedis = request.getfixturevalue("on_redis")
        return on_redis
    drive: Drive = request.getfixturevalue("drive")
    return lambda scenario: drive(lambda reactor: scenario(Station(reactor, InProcessBus(reactor))))
