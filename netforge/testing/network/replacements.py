"""What stands for the functions and classes that read the clock or draw by chance, while a network runs."""

from __future__ import annotations

import datetime
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

from netforge.testing.network.culprits import is_tested
from netforge.testing.network.guard import guarding

__all__ = ["Replacement", "replaced"]

#: An owner, the name of one of its attributes, and what stands there instead.
Replacement = tuple[Any, str, Any]

_CLOCK = "take a clock as an argument, and ask it for seconds()"
_RANDOM = "take a random.Random as an argument, such as context.random"
#: Modules that make randomness of what they get from another.
_MAKING = ("random", "secrets", "uuid", "tempfile")


@contextmanager
def replaced(*more: Replacement) -> Iterator[None]:
    """Replace all of it, and more, wherever modules keep hold of it; and then put back what was there."""
    originals: list[Replacement] = []
    try:
        for owner, name, value in [*_REPLACED, *_certificate_clock(), *_captured(), *more]:
            originals.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(originals):
            setattr(owner, name, value)


def _clock(name: str, read: Callable[..., Any], given: int = 1) -> Replacement:
    """Replace a function that reads the clock unless it is given so many arguments."""
    original = getattr(time, name)

    @wraps(original)
    def replacement(*args: Any) -> Any:
        guard = guarding()
        if guard is None or len([one for one in args if one is not None]) >= given:
            return original(*args)
        guard.judge(f"time.{name}() reads the wall clock", _CLOCK)
        return read(original, guard.now, *args[: given - 1])

    return time, name, replacement


def _chance(name: str) -> Replacement:
    original = getattr(random, name)

    @wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        guard = guarding()
        if guard is None:
            return original(*args, **kwargs)
        guard.judge(f"random.{name}() is not seeded", _RANDOM)
        return getattr(guard.random, name)(*args, **kwargs)

    return random, name, replacement


_urandom = os.urandom


def _random_bytes(size: int) -> bytes:
    guard = guarding()
    if guard is None:
        return _urandom(size)
    guard.judge("os.urandom() is not seeded", _RANDOM, _MAKING)
    return guard.random.randbytes(size)


_sleep = time.sleep


def _sleeping(seconds: float) -> None:
    guard = guarding()
    if guard is None:
        _sleep(seconds)
    else:
        guard.sleep(seconds)


class _Impostor(type):
    """The class of classes that stand for others, and take their instances for their own."""

    def __instancecheck__(cls, instance: object) -> bool:
        real = vars(cls).get("real")
        return isinstance(instance, real) if real else super().__instancecheck__(instance)


class _Datetime(datetime.datetime, metaclass=_Impostor):
    """Stands for ``datetime`` in the modules under test."""

    real = datetime.datetime

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.real(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        guard = guarding()
        if guard is None:
            return cls.real.now(tz)
        guard.judge("datetime.now() reads the wall clock", _CLOCK)
        return cls.real.fromtimestamp(guard.now, tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)


class _Random(random.Random, metaclass=_Impostor):
    """Stands for ``Random``, which takes its seed from the system if it is given none."""

    real = random.Random

    def __init__(self, x: Any = None) -> None:
        guard = guarding()
        if x is None and guard is not None:
            guard.judge("random.Random() is not seeded", _RANDOM)
            x = guard.random.getrandbits(128)
        super().__init__(x)


_datetime_module = ModuleType("datetime")
vars(_datetime_module).update(vars(datetime) | {"datetime": _Datetime})

_DRAWING = [name for name in random.__all__ if getattr(getattr(random, name), "__self__", None) is not None]
_REPLACED = [
    *(_clock(name, lambda _, now: now) for name in ("time", "monotonic", "perf_counter")),
    *(_clock(f"{name}_ns", lambda _, now: int(now * 1e9)) for name in ("time", "monotonic", "perf_counter")),
    *(_clock(name, lambda original, now: original(now)) for name in ("localtime", "gmtime", "ctime")),
    _clock("strftime", lambda original, now, form: original(form, time.localtime(now)), given=2),
    (time, "sleep", _sleeping),
    *map(_chance, _DRAWING),
    (random, "Random", _Random),
    (random, "_urandom", _random_bytes),
    (os, "urandom", _random_bytes),
]
#: What stands, in any module, for the functions that it took out of another by name,
_FUNCTIONS = {id(getattr(owner, name)): value for owner, name, value in _REPLACED if not isinstance(value, type)}
#: and in the modules under test also for classes. Elsewhere classes are compared, looked up and derived from.
_CLASSES = {id(random.Random): _Random, id(datetime.datetime): _Datetime, id(datetime): _datetime_module}
_seen: set[str] = {__name__}
_captures: list[Replacement] = []


def _captured() -> list[Replacement]:
    """Where modules keep hold of what must be replaced."""
    for name in sys.modules.keys() - _seen:
        _seen.add(name)
        module = sys.modules[name]
        if not isinstance(module, ModuleType):
            continue
        wanted = _FUNCTIONS | _CLASSES if is_tested(getattr(module, "__file__", None) or "<none>") else _FUNCTIONS
        for key, value in list(vars(module).items()):
            if id(value) in wanted:
                _captures.append((module, key, wanted[id(value)]))
    return _captures


def _certificate_clock() -> list[Replacement]:
    """Have OpenSSL judge by virtual time whether a certificate is valid."""
    ssl: Any = sys.modules.get("OpenSSL.SSL")
    if ssl is None:
        return []
    begin, switch = ssl.Connection.__init__, ssl.Connection.set_context

    def judge_by_virtual_time(context: Any) -> None:
        guard = guarding()
        if guard is not None:
            context.get_cert_store().set_time(datetime.datetime.fromtimestamp(guard.now, datetime.UTC))

    def beginning(connection: Any, context: Any, socket: Any = None) -> None:
        judge_by_virtual_time(context)
        begin(connection, context, socket)

    def switching(connection: Any, context: Any) -> None:
        judge_by_virtual_time(context)
        switch(connection, context)

    return [(ssl.Connection, "__init__", beginning), (ssl.Connection, "set_context", switching)]
