"""Start and end of ASGI applications."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from twisted.logger import LogEvent

from netforge.testing import Network
from tests.services.web.asgi.asking import ask
from tests.services.web.asgi.conftest import Serve


class Living:
    """An application with a lifespan.

    :ivar lived: what it has been told.
    """

    def __init__(self, startup: Any = None, shutdown: Any = None) -> None:
        self.lived: list[str] = []
        self.steps = [("startup", startup), ("shutdown", shutdown)]
        self.scope: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self.scope = scope
            for name, step in self.steps:
                assert await receive() == {"type": f"lifespan.{name}"}
                self.lived.append(name)
                if step is not None:
                    await step(scope, send)
                await send({"type": f"lifespan.{name}.complete"})
        else:
            body = scope["state"].get("word", b"nothing")
            scope["state"]["word"] = b"of one request"
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": body})


def failing(name: str, **message: str) -> Any:
    async def step(scope: Any, send: Any) -> None:
        await send({"type": f"lifespan.{name}.failed", **message})
        raise ValueError("what frameworks raise after it")

    return step


async def raises(scope: Any, send: Any) -> None:
    raise ValueError("an error of the application")


async def exits(scope: Any, send: Any) -> None:
    raise SystemExit(3)


async def waits(scope: Any, send: Any) -> None:
    await asyncio.sleep(10)


def test_it_starts_before_the_first_request_and_stops_after_the_last(serve: Serve, network: Network) -> None:
    app = Living(waits, waits)
    server = serve(app, lifespan="on")
    assert (app.lived, network.now) == (["startup"], 10)
    assert ask(server).status == 200
    network.run_until(server.asgi.stop())
    assert app.lived == ["startup", "shutdown"]
    assert network.now >= 20
    assert app.scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}


def test_what_it_puts_into_its_state_is_there_for_each_request(serve: Serve) -> None:
    async def startup(scope: Any, send: Any) -> None:
        scope["state"]["word"] = b"of all"

    server = serve(Living(startup), lifespan="auto")
    assert [ask(server).body for _ in range(2)] == [b"of all", b"of all"]


@pytest.mark.parametrize("lifespan", ["auto", "on"])
@pytest.mark.parametrize(
    ("message", "reason"), [({"message": "no database"}, "no database"), ({}, "it does not say why")]
)
def test_a_start_that_fails_says_why(serve: Serve, lifespan: str, message: Any, reason: str) -> None:
    with pytest.raises(RuntimeError, match=f"^the startup of the ASGI application failed: {reason}$"):
        serve(Living(failing("startup", **message)), lifespan=lifespan)


@pytest.mark.parametrize("startup", [raises, exits])
def test_an_application_without_a_lifespan_is_served_nevertheless(
    serve: Serve, events: list[LogEvent], startup: Any
) -> None:
    server = serve(Living(startup), lifespan="auto")
    assert ask(server).status == 200
    assert any("has no lifespan" in (event.get("log_format") or "") for event in events)


def test_one_that_returns_has_none_either(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await Living()(scope, receive, send)

    assert ask(serve(app, lifespan="auto")).status == 200
    with pytest.raises(RuntimeError, match="the ASGI application has no lifespan"):
        serve(app, lifespan="on")


def test_where_it_is_required_its_lack_is_an_error(serve: Serve) -> None:
    with pytest.raises(RuntimeError, match="the ASGI application has no lifespan") as raised:
        serve(Living(raises), lifespan="on")
    assert isinstance(raised.value.__cause__, ValueError)


def test_where_it_is_off_nobody_asks(serve: Serve, network: Network) -> None:
    app = Living()
    server = serve(app, lifespan="off")
    assert ask(server).body == b"nothing"
    network.run_until(server.asgi.stop())
    assert app.lived == []


@pytest.mark.parametrize(
    ("shutdown", "message"),
    [
        (failing("shutdown", message="still busy"), "the shutdown of the ASGI application failed: still busy"),
        (raises, "the shutdown of the ASGI application failed"),
        (exits, "the shutdown of the ASGI application failed"),
    ],
)
def test_an_end_that_fails_says_why(serve: Serve, network: Network, shutdown: Any, message: str) -> None:
    server = serve(Living(shutdown=shutdown), lifespan="auto")
    with pytest.raises(RuntimeError, match=f"^{message}$"):
        network.run_until(server.asgi.stop())


def test_a_lifespan_that_fails_in_its_midst_is_logged_and_not_stopped(
    serve: Serve, network: Network, events: list[LogEvent]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await asyncio.sleep(5)
            raise ValueError("an error of the application")
        await Living()(scope, receive, send)

    server = serve(app, lifespan="on")
    network.run(10)
    assert [event["log_failure"].type for event in events if "log_failure" in event] == [ValueError]
    network.failures.clear()
    assert ask(server).status == 200


def test_what_is_sent_out_of_turn_is_an_error_for_who_sends_it(serve: Serve) -> None:
    errors: list[str] = []

    async def startup(scope: Any, send: Any) -> None:
        for kind in ("lifespan.shutdown.complete", "lifespan.startup.complete", "lifespan.startup.complete"):
            try:
                await send({"type": kind})
            except RuntimeError as error:
                errors.append(str(error))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await startup(scope, send)
        await receive()

    serve(app, lifespan="on")
    assert errors == [
        "expected the ASGI message 'lifespan.startup.complete', got 'lifespan.shutdown.complete'",
        "got 'lifespan.startup.complete' after the end",
    ]


def test_a_start_that_takes_too_long_can_be_given_up(network: Network, serve: Serve, events: list[LogEvent]) -> None:
    given_up: list[str] = []

    async def startup(scope: Any, send: Any) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            given_up.append("startup")
            # As Starlette does.
            await send({"type": "lifespan.startup.failed"})

    server = serve(None, lifespan="off")
    asgi = type(server.asgi)(Living(startup), server.asgi._loop, server.asgi._clock, lifespan="on")
    starting = asgi.start()
    network.run(1)
    starting.addErrback(lambda failure: None)
    starting.cancel()
    network.run(1)
    assert given_up == ["startup"]
    del asgi, starting
    gc.collect()
    assert not [event for event in events if "log_failure" in event]


def test_it_can_start_again_after_its_end(serve: Serve, network: Network) -> None:
    app = Living()
    server = serve(app, lifespan="on")
    for _ in range(2):
        network.run_until(server.asgi.stop())
        network.run_until(server.asgi.start())
    assert app.lived == ["startup", "shutdown", "startup", "shutdown", "startup"]
