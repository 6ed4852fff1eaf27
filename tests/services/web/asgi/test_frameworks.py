"""Applications of each framework on real asyncio loops and real sockets, asked by clients that others wrote."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent

from netforge.reactor.anyloop import loop_of
from netforge.services.web.asgi import ASGIApplication
from tests.conftest import Drive
from tests.services.web.asgi.frameworks import FRAMEWORKS, PIECE, PIECES
from tests.services.web.loops import Serving

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_site_of_each_framework(drive_loop: Drive, name: str, events: list[LogEvent]) -> None:
    pytest.importorskip(name)
    app = FRAMEWORKS[name]()

    async def scenario(reactor: object) -> None:
        asgi = ASGIApplication(app, loop_of(reactor), reactor)  # type: ignore[arg-type]  # a reactor of any kind
        await asgi.start()
        serving = Serving(reactor, asgi)
        for version in ("--http1.1", "--http2-prior-knowledge"):
            assert await serving.curl("/?name=Ada", version) == b"hello Ada"
            assert (await serving.curl("/none", version, "-w", "%{http_code}")).endswith(b"404")
            sent = await serving.curl("/count", version, "--data-binary", "@-", send=b"x" * 3_000_000)
            assert sent == b"3000000 bytes"
            assert await serving.curl("/stream", version) == PIECE * PIECES
        if name != "django":
            await serving.thread(talk, serving)
        await serving.stop()
        await asgi.stop()

    drive_loop(scenario)
    assert not [event for event in events if "log_failure" in event]


def talk(serving: Serving) -> None:
    """Have a WebSocket echo what is said."""
    from websockets.sync.client import connect

    with connect(f"ws://{serving.address}/echo") as socket:
        for text in ("grüße", "x" * 100_000):
            socket.send(text)
            assert socket.recv() == text
