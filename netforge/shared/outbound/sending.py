"""Bodies of requests."""

from __future__ import annotations

import json as json_
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from mimetypes import guess_type
from random import Random
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime
from twisted.internet.task import Cooperator
from twisted.python.failure import Failure
from twisted.web.client import FileBodyProducer
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from netforge.plugin import OutboundStage
from netforge.shared.outbound.watch import Watch

__all__ = ["Body", "Timed", "make_body"]

#: Bytes of a body in memory that are given to the connection at once.
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What a request sends.

    :param produce: makes what produces it.
    :param kind: its type; empty if whoever asks says that.
    :param repeatable: whether it can be produced again.
    """

    produce: Callable[[], IBodyProducer]
    kind: str = ""
    repeatable: bool = True


def make_body(
    body: bytes | Callable[[], Awaitable[bytes]],
    length: int | None,
    form: Mapping[str, str] | None,
    files: Mapping[str, tuple[str, bytes]] | None,
    json: Any,
    random: Random,
    clock: IReactorTime,
) -> Body | None:
    """The body that the arguments of a request describe; ``None`` for none.

    :raises ValueError: if they describe two.
    """
    described = [name for name, one in (("body", body), ("json", json), ("form", form or files)) if one]
    if len(described) > 1 or (json is not None and described not in ([], ["json"])):
        raise ValueError(f"a request has one body, not {' and '.join(described)}")
    if json is not None:
        return _in_memory(json_.dumps(json, separators=(",", ":")).encode(), "application/json")
    if files:
        return _multipart(form or {}, files, random, clock)
    if form is not None:
        return _in_memory(urlencode(form).encode(), "application/x-www-form-urlencoded")
    if isinstance(body, bytes):
        return _in_memory(body, "") if body else None
    read = body
    return Body(lambda: _Upload(read, length), repeatable=False)


def _in_memory(data: bytes, kind: str) -> Body:
    def produce() -> IBodyProducer:
        rest = BytesIO(data)

        async def read() -> bytes:
            return rest.read(PIECE)

        return _Upload(read, len(data))

    return Body(produce, kind)


def _multipart(
    form: Mapping[str, str], files: Mapping[str, tuple[str, bytes]], random: Random, clock: IReactorTime
) -> Body:
    from treq.multipart import MultiPartProducer  # noqa: PLC0415  few need it, and it takes its time

    # The usual one is of the global reactor.
    cooperator: Any = Cooperator(scheduler=lambda tick: clock.callLater(0, tick))
    boundary = random.getrandbits(128).to_bytes(16).hex()

    def produce() -> IBodyProducer:
        fields: list[Any] = list(form.items())
        for field, (name, content) in files.items():
            kind = guess_type(name)[0] or "application/octet-stream"
            fields.append((field, (name, kind, FileBodyProducer(BytesIO(content), cooperator))))
        made: IBodyProducer = MultiPartProducer(fields, boundary.encode(), cooperator)
        return made

    return Body(produce, f"multipart/form-data; boundary={boundary}")


@implementer(IBodyProducer, IPushProducer)
class _Upload:
    """Sends what a function gives, as fast as the server takes it."""

    def __init__(self, read: Callable[[], Awaitable[bytes]], length: int | None) -> None:
        self.length: Any = UNKNOWN_LENGTH if length is None else length
        self._read = read
        self._room: Deferred[None] | None = None
        self._sending: Deferred[None] | None = None
        self._stopped = False

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See ``IBodyProducer``."""
        done: Deferred[None] = Deferred()

        def fail(failure: Failure) -> None:
            if not self._stopped:
                done.errback(failure)

        self._sending = Deferred.fromCoroutine(self._send(consumer))
        self._sending.addCallbacks(done.callback, fail)
        return done

    async def _send(self, consumer: IConsumer) -> None:
        while piece := await self._read():
            consumer.write(piece)
            if self._room is not None:
                await self._room

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        if self._room is None:
            self._room = Deferred()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        """See ``IBodyProducer``. What is being read is not waited for."""
        self._stopped = True
        if self._sending is not None:
            self._sending.cancel()


@implementer(IBodyProducer)
class Timed:
    """Lets each piece have its time, and begins the next stage after the last one."""

    def __init__(self, producer: IBodyProducer, watch: Watch) -> None:
        self.length = producer.length
        self._producer = producer
        self._watch = watch
        self._consumer: Any = None

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See ``IBodyProducer``."""
        self._consumer = consumer
        producing: Deferred[None] = self._producer.startProducing(self)
        return producing.addCallback(lambda _: self._enter("response"))

    def write(self, data: bytes) -> None:
        """A piece: pass it on."""
        self._enter("send")
        self._consumer.write(data)

    def _enter(self, stage: OutboundStage) -> None:
        # A server may answer before it has heard all.
        if self._watch.stage == "send" and self._watch.close is None:
            self._watch.enter(stage)

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """See ``IBodyProducer``."""
        self._producer.stopProducing()
