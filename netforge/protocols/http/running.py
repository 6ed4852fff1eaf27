"""Running an application: now as far as it goes, and later to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from contextvars import copy_context
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.protocols.http.exchange import Application, Exchange

__all__ = ["begun", "run"]


def run(application: Application, exchange: Exchange) -> None:
    """Have an application answer, and answer for it if it fails.

    A coroutine that never has to wait, as most, is done when this returns and costs no Deferred.
    """
    try:
        result = application(exchange)
        rest = None if result is None else begun(result, exchange)
    except Exception:
        exchange.fail(Failure())
        return
    if rest is not None:
        rest.addErrback(exchange.fail)


def begun(work: Awaitable[object], exchange: Exchange) -> Deferred[None] | None:
    """Have what an application returned go as far as it can now.

    :return: what is left of it, which may be cancelled; nothing if it has ended.
    :raises RuntimeError: now or later, if it ends without a whole response; and whatever it raises.
    """
    if type(work) is not CoroutineType:
        rest = work if isinstance(work, Deferred) else Deferred.fromCoroutine(_awaiting(work))
        return rest.addCallback(_ended, exchange)
    context = copy_context()
    try:
        waited_for = context.run(work.send, None)
    except StopIteration:
        if not exchange.complete:
            _ended(None, exchange)
        return None
    return context.run(Deferred.fromCoroutine, _rest(work, waited_for)).addCallback(_ended, exchange)


async def _awaiting(result: Any) -> None:
    await result


def _rest(coroutine: Coroutine[Any, Any, Any], waited_for: Any) -> Generator[Any, Any, Any]:
    """What is left of a coroutine that waits for something."""
    try:
        while True:
            try:
                value = yield waited_for
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:
                waited_for = coroutine.throw(error)
            else:
                waited_for = coroutine.send(value)
    except StopIteration as stop:
        return stop.value


def _ended(_: object, exchange: Exchange) -> None:
    if not exchange.complete and not exchange.lost:
        raise RuntimeError("the application ended without a whole response")
