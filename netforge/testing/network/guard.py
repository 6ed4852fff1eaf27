"""The guard: what would make two runs differ is an error that names the culprit.

While a network runs, the wall clock, unseeded randomness and the global reactor are out of reach of the code under
test: netforge, its plugins, and whatever else is not an installed library. Libraries and Python itself, which the
author of a test cannot change, get virtual time and seeded randomness instead.
"""

from __future__ import annotations

import datetime
import os
import random
import sys
import time
from _thread import get_ident
from collections.abc import Callable, Collection
from functools import wraps
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from twisted.internet import task
from twisted.internet.interfaces import IDelayedCall

from netforge.testing.network.culprits import culprit, is_tested, spell
from netforge.testing.network.globalreactor import choose_reactors, restore_reactor

if TYPE_CHECKING:
    from netforge.testing.network.network import Network

__all__ = ["Guard", "NotSimulated"]

_CLOCK = "take a clock as an argument, and ask it for seconds()"
_RANDOM = "take a random.Random as an argument, such as context.random"
_REACTOR = "take the reactor as an argument, or make the network with global_reactor=True"
_SLEEP = "nothing happens meanwhile: use the clock's callLater"
#: Modules that make randomness of what they get from another.
_MAKING = ("random", "secrets", "uuid", "tempfile")
#: Libraries that need a reactor of themselves for something that their users cannot choose.
_NEEDY = ("twisted.protocols.tls",)


class NotSimulated(RuntimeError):  # noqa: N818  says what is missing
    """The code under test reached for something that the simulated network does not have."""


class Guard:
    """Stands before the clock, chance and the global reactor while its network runs.

    :param network: whose time and chance there is instead.
    :param global_reactor: whether the global reactor is that of the running machine, rather than an error.
    """

    #: The one whose network is running.
    active: Guard | None = None

    def __init__(self, network: Network, *, global_reactor: bool) -> None:
        self.random = network.random_for("libraries")
        self._network = network
        self._global_reactor = global_reactor
        # What task.cooperate uses, and so every upload of an HTTP client, lasts as long as the process otherwise.
        self._cooperator = task.Cooperator(scheduler=self._schedule)
        self._found: NotSimulated | None = None
        self._replaced: list[tuple[Any, str, Any]] = []

    @property
    def now(self) -> float:
        """The time of its network."""
        return self._network.schedule.now

    def __enter__(self) -> None:
        if Guard.active is not None:
            raise RuntimeError("another network is running")
        Guard.active = self
        replaced = [*_REPLACED, *self._network.threads.replaced(), *_certificate_clock(), *_captured()]
        replaced.append((task, "_theCooperator", self._cooperator))
        for owner, name, value in replaced:
            self._replaced.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        choose_reactors(self._choose)

    def __exit__(self, *_: object) -> None:
        restore_reactor()
        while self._replaced:
            owner, name, value = self._replaced.pop()
            setattr(owner, name, value)
        Guard.active = None

    def complain(self) -> None:
        """Raise what was found, even if it was caught where it was raised."""
        if self._found is not None:
            found, self._found = self._found, None
            raise found

    def judge(self, what: str, instead: str, through: Collection[str] = ()) -> None:
        """Raise if it is code under test that called the function that calls this."""
        to_blame = culprit(sys._getframe(2), through)
        if to_blame is not None:
            self._refuse(what, instead, to_blame)

    def sleep(self, seconds: float) -> None:
        """What ``time.sleep`` is: a thread may, a reactor may not."""
        if not self._network.threads.sleep(seconds):
            self._refuse("time.sleep() stops the reactor", _SLEEP, _blame(sys._getframe(2)))

    def _schedule(self, tick: Callable[[], object]) -> IDelayedCall:
        assert self._network.running is not None
        return self._network.running.reactor.callLater(0, tick)

    def _choose(self, asking: FrameType) -> Any:
        if self._global_reactor or asking.f_globals.get("__name__") in _NEEDY:
            if self._network.running is not None:
                return self._network.running.reactor
            self._refuse("no machine is running whose reactor could be the global one", _REACTOR, _blame(asking))
        return self._refuse("the global reactor is not on the simulated network", _REACTOR, _blame(asking))

    def _refuse(self, what: str, instead: str, to_blame: FrameType) -> None:
        error = NotSimulated(f"{spell(to_blame)}: {what}; {instead}")
        self._found = self._found or error
        raise error


def _blame(frame: FrameType) -> FrameType:
    """Who is to blame for what a library was made to do: the nearest code under test, or else the library."""
    at: FrameType | None = frame
    while at is not None:
        if is_tested(at.f_code.co_filename):
            return at
        at = at.f_back
    return frame


def _guarding() -> Guard | None:
    """The guard of the network that is running, if this thread belongs to it."""
    guard = Guard.active
    return guard if guard is not None and guard._network.threads.has(get_ident()) else None


def _clock(name: str, read: Callable[..., Any], given: int = 1) -> tuple[Any, str, Any]:
    """Replace a function that reads the clock unless it is given so many arguments."""
    original = getattr(time, name)

    @wraps(original)
    def replacement(*args: Any) -> Any:
        guard = _guarding()
        if guard is None or len([one for one in args if one is not None]) >= given:
            return original(*args)
        guard.judge(f"time.{name}() reads the wall clock", _CLOCK)
        return read(original, guard.now, *args[: given - 1])

    return time, name, replacement


def _chance(name: str) -> tuple[Any, str, Any]:
    original = getattr(random, name)

    @wraps(original)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        guard = _guarding()
        if guard is None:
            return original(*args, **kwargs)
        guard.judge(f"random.{name}() is not seeded", _RANDOM)
        return getattr(guard.random, name)(*args, **kwargs)

    return random, name, replacement


_urandom = os.urandom


def _random_bytes(size: int) -> bytes:
    guard = _guarding()
    if guard is None:
        return _urandom(size)
    guard.judge("os.urandom() is not seeded", _RANDOM, _MAKING)
    return guard.random.randbytes(size)


_sleep = time.sleep


def _sleeping(seconds: float) -> None:
    guard = _guarding()
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
        guard = _guarding()
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
        guard = _guarding()
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
_captures: list[tuple[Any, str, Any]] = []


def _captured() -> list[tuple[Any, str, Any]]:
    """Where modules keep hold of what must be replaced."""
    for name in sys.modules.keys() - _seen:
        _seen.add(name)
        module = sys.modules[name]
        wanted = _FUNCTIONS | _CLASSES if is_tested(getattr(module, "__file__", None) or "<none>") else _FUNCTIONS
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if id(value) in wanted:
                _captures.append((module, key, wanted[id(value)]))
    return _captures


def _certificate_clock() -> list[tuple[Any, str, Any]]:
    """Have OpenSSL judge by virtual time whether a certificate is valid."""
    ssl: Any = sys.modules.get("OpenSSL.SSL")
    if ssl is None:
        return []
    original = ssl.Connection.__init__

    def begin(connection: Any, context: Any, socket: Any = None) -> None:
        guard = _guarding()
        if guard is not None:
            context.get_cert_store().set_time(datetime.datetime.fromtimestamp(guard.now, datetime.UTC))
        original(connection, context, socket)

    return [(ssl.Connection, "__init__", begin)]
