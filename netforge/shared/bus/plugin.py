"""The bus as a shared component."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import field_validator

from netforge.plugin import Context, Field, IBus, IHealth, Offer, Parts, Settings, Task, service
from netforge.reactor.reactorloop import ReactorLoop
from netforge.shared.bus.inprocess import InProcessBus

__all__ = ["BusSettings", "bus"]


class BusSettings(Settings):
    """The bus between services."""

    url: str = Field(
        "",
        description="the Redis that ties several processes together, such as redis://user@10.0.0.1:6379; rediss:// for "
        "TLS, unix:///PATH for a UNIX socket. Empty: messages stay within this process",
    )
    password_file: Path | None = Field(
        None, watch=True, description="the file that holds the password of Redis, or of the user in the url"
    )

    @field_validator("url")
    @classmethod
    def _url_is_of_redis(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("", "redis", "rediss", "unix") or bool(url) != bool(parts.scheme):
            raise ValueError("expected redis://, rediss:// or unix://")
        if parts.password is not None or "password" in parse_qs(parts.query):
            raise ValueError("found a password: put it into a file of its own, and name that as password_file")
        return url


@service("bus", BusSettings, offers=[IBus], needs=[IHealth])
def bus(settings: BusSettings, context: Context) -> Parts:
    """Messages within this process, or by Redis."""
    if not settings.url:
        yield Offer(IBus, InProcessBus(context.clock))
        return
    has_sockets = not isinstance(context.loop, ReactorLoop)
    if not has_sockets:
        raise RuntimeError("Redis needs an asyncio loop with sockets: start with --reactor=forge or --reactor=asyncio")
    try:
        from netforge.shared.bus.redisbus import RedisBus  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise RuntimeError(f"{settings.url} needs redis: pip install 'netforge[redis]'") from error
    password = settings.password_file.read_text().strip() if settings.password_file else None
    made = RedisBus(settings.url, password, context.loop, context.clock, context.random, context.log)
    yield Task(made.start, made.stop, "the connection to Redis")
    yield _check(context[IHealth], context.name, made.check)
    yield Offer(IBus, made)


def _check(health: IHealth, name: str, check: Callable[[], None]) -> Task:
    ends: list[Callable[[], None]] = []

    def start() -> None:
        ends.append(health.watch(name, check))

    def stop() -> None:
        ends.pop()()

    return Task(start, stop, "the check of Redis")
