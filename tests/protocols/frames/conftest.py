"""A connection in memory, made by a factory of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.protocols.frames import FrameServerFactory, Lines, Text

if TYPE_CHECKING:
    from tests.conftest import MemoryReactor, Peer

Serve = Callable[..., "Peer"]


@pytest.fixture
def serve(memory: MemoryReactor) -> Serve:
    """Listen with the arguments of a factory, lines of text unless they say otherwise, and connect a peer."""

    def connect(handler: Any = None, framing: Any = None, codec: Any = None, **options: Any) -> Peer:
        factory = FrameServerFactory(framing or Lines(), codec or Text(), handler, clock=memory, **options)
        return memory.listenTCP(0, factory).connect()

    return connect


class Result:
    """What a Deferred fired with, if it did."""

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.value: Any = None
        self.error: Exception | None = None
        deferred.addCallbacks(self._succeed, self._fail)

    def _succeed(self, value: Any) -> None:
        self.value = value

    def _fail(self, failure: Failure) -> None:
        assert isinstance(failure.value, Exception)
        self.error = failure.value


@pytest.fixture
def result() -> type[Result]:
    return Result
