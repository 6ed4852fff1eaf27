"""``Network``: machines, links, and the one clock that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from netforge.testing.network.guard import Guard
from netforge.testing.network.links import Link
from netforge.testing.network.machine import Machine
from netforge.testing.network.names import Names
from netforge.testing.network.replacements import replaced
from netforge.testing.network.schedule import Schedule
from netforge.testing.network.threads import Baton
from netforge.testing.network.trace import Trace

__all__ = ["Network"]

T = TypeVar("T")

#: When every simulation begins: 2026-01-01T00:00:00Z, in seconds since 1970.
START = 1_767_225_600.0
#: Seconds that a packet takes from a machine to itself.
LOOPBACK_LATENCY = 20e-6
#: Events at one instant after which time is taken to stand still.
STANDSTILL = 200_000
#: Seconds that machines may take to stop.
CLOSING = 3600.0


class Network:
    """A simulated network.

    Everything on it happens in an order that depends on the seed alone. Time passes only in :meth:`run` and
    :meth:`run_until`, and jumps from one event to the next, so that an hour costs what happens in it.

    :param seed: what chance is made of: the same seed, the same run.
    :param latency: seconds each way between machines that no link was made for.
    :param global_reactor: let Twisted's global reactor stand for that of the machine that is running, for code that
        cannot do without, such as ``deferToThread`` and ``TimeoutMixin``.
    :param traced: whether the trace is kept; a long run may not want to.
    :ivar trace: what was sent when; iterate over it, or print it.
    :ivar names: what names are looked up in.
    :ivar failures: what was logged as a failure while the network ran.
    """

    def __init__(
        self, seed: int = 0, *, latency: float = 0.001, global_reactor: bool = False, traced: bool = True
    ) -> None:
        self.seed = seed
        self.schedule = Schedule(START)
        self.trace = Trace(self.schedule, kept=traced)
        self.names = Names(self.trace)
        self.failures: list[Failure] = []
        self.running: Machine | None = None
        self.threads = Baton(self)
        self._guard = Guard(self, global_reactor=global_reactor)
        # What task.cooperate uses, and so every upload of an HTTP client, lasts as long as the process otherwise.
        self._cooperator = task.Cooperator(scheduler=self._in_a_turn)
        self._latency = latency
        self._machines: dict[str, Machine] = {}
        self._links: dict[frozenset[str], Link] = {}
        self._driven = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return self.schedule.now - START

    def machine(self, name: str) -> Machine:
        """The machine of that name, which is made at the first call. The others reach it by its name or address."""
        if name not in self._machines:
            machine = self._machines[name] = Machine(self, name, len(self._machines) + 1)
            self.names.add(name, machine.address)
        return self._machines[name]

    def link(
        self,
        a: Machine | str,
        b: Machine | str,
        *,
        latency: float | None = None,
        jitter: float = 0.0,
        bandwidth: float | None = None,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        mtu: int = 65535,
    ) -> Link:
        """Make the link between two machines; what is open between them is not affected. See :class:`Link`."""
        ends = (self._machine(a), self._machine(b))
        key = frozenset(end.name for end in ends)
        if latency is None:
            latency = LOOPBACK_LATENCY if len(key) == 1 else self._latency
        self._links[key] = link = Link(
            self.schedule,
            self.trace,
            self.random_for(f"link {sorted(key)}"),
            ends,
            latency=latency,
            jitter=jitter,
            bandwidth=bandwidth,
            loss=loss,
            duplicate=duplicate,
            reorder=reorder,
            mtu=mtu,
        )
        return link

    def between(self, a: Machine, b: Machine) -> Link:
        """The link between two machines."""
        return self._links.get(frozenset((a.name, b.name))) or self.link(a, b)

    def find(self, host: str, asking: Machine) -> Machine | None:
        """The machine that an address is one of, seen from a machine."""
        if asking.has(host):
            return asking
        return next((machine for machine in self._machines.values() if machine.has(host)), None)

    def random_for(self, purpose: str) -> Random:
        """A source of randomness of its own for something, so that what others draw makes no difference to it."""
        return Random(f"{self.seed} {purpose}")

    def run(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due by then."""
        self.drive(_never, self.schedule.now + seconds)

    def run_until(self, result: Deferred[T] | Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        """Let time pass until there is a result, and return it.

        :param result: what is waited for. A coroutine is begun when the network runs.
        :param timeout: seconds.
        :raises TimeoutError: if there is none by then; with the end of the trace.
        :raises Exception: what the result fails with.
        """
        outcomes: list[Any] = []

        def begin() -> None:
            begun = result if isinstance(result, Deferred) else Deferred.fromCoroutine(result)
            begun.addBoth(outcomes.append)

        self.schedule.soon(None, begin)
        if not self.drive(lambda: bool(outcomes), self.schedule.now + timeout):
            raise TimeoutError(f"nothing came of {result!r} in {timeout:g} s. What was sent last:\n{self.trace.end()}")
        [outcome] = outcomes
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return cast(T, outcome)

    def drive(self, done: Callable[[], bool], deadline: float = math.inf) -> bool:
        """Let things happen until something is done, or a time has come.

        :return: whether it is done.
        :raises NotSimulated: if the code under test reached for what the network does not have.
        """
        with self._driving():
            instant, events = self.schedule.now, 0
            while not done():
                if self.threads.run_one():
                    continue
                event = self.schedule.next_until(deadline)
                if event is None:
                    if deadline == math.inf:
                        raise RuntimeError("nothing will ever happen again on this network")
                    self.schedule.now = deadline
                    return False
                self.running = event.machine
                event.call(*event.arguments)
                self._guard.complain()
                if event.time > instant:
                    instant, events = event.time, 0
                events += 1
                if events > STANDSTILL:
                    raise RuntimeError(f"time stands still: {event.call!r} is called without end, always at once")
        return True

    def close(self) -> None:
        """Stop every machine, however long that takes on it, up to an hour; then end what threads are left."""
        reactors = [machine.reactor for machine in self._machines.values()]
        for reactor in reactors:
            if reactor.running:
                reactor.stop()
        self.drive(lambda: not any(reactor.running for reactor in reactors), self.schedule.now + CLOSING)
        self.run(0)
        self.threads.abandon()

    @contextmanager
    def _driving(self) -> Iterator[None]:
        if self._driven:
            raise RuntimeError("the network runs already; what happens on it cannot run it")
        self._driven = True
        observer = cast(ILogObserver, self._observe)
        globalLogPublisher.addObserver(observer)
        try:
            with self._guard, replaced(*self.threads.replaced(), (task, "_theCooperator", self._cooperator)):
                yield
        finally:
            globalLogPublisher.removeObserver(observer)
            self._driven = False
            self.running = None

    def _in_a_turn(self, tick: Callable[[], object]) -> IDelayedCall:
        assert self.running is not None
        return self.running.reactor.callLater(0, tick)

    def _observe(self, event: LogEvent) -> None:
        # What is logged by twisted.python.log has its failure elsewhere.
        failure = event.get("log_failure") or (event.get("isError") and event.get("failure"))
        if isinstance(failure, Failure):
            self.failures.append(failure)

    def _machine(self, machine: Machine | str) -> Machine:
        return self.machine(machine) if isinstance(machine, str) else machine


def _never() -> bool:
    return False
