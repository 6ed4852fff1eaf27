"""Running an application: now as far as it goes, and later to its end."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import copy_context
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netforge.protocols.http.exchange import Application, Exchange

__all__ = ["run"]


def run(application: Application, exchange: Exchange) -> None:
    """Have an application answer, and answer for it if it fails.

    A coroutine that never has to wait, as most, is done when this returns and costs no Deferred.
    """
    try:
        result = application(exchange)
    except Exception:
        exchange.fail(Failure())
        return
    if result is None:
        return
    if type(result) is not CoroutineType:
        _follow(Deferred.fromCoroutine(_awaiting(result)), exchange)
        return
    context = copy_context()
    try:
        waited_for = context.run(result.send, None)
    except StopIteration:
        if not exchange.complete:
            _ended(None, exchange)
    except Exception:
        exchange.fail(Failure())
    else:
        _follow(context.run(Deferred.fromCoroutine, _rest(result, waited_for)), exchange)


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


def _follow(done: Deferred[Any], exchange: Exchange) -> None:
    done.addCallbacks(_ended, exchange.fail, (exchange,))


def _ended(_: object, exchange: Exchange) -> None:
    if not exchange.complete and not exchange.lost:
        exchange.fail(Failure(RuntimeError("the application ended without a whole response")))
