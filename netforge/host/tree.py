"""What runs: ports and instances, and the way from what one blueprint asks for to what the next one does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from zope.interface import implementer

from netforge.host.connections import Connections
from netforge.host.context import HostContext, Keepsakes
from netforge.host.errors import BindError, ServiceFailed
from netforge.host.instance import Instance
from netforge.host.ports import Port
from netforge.host.serving import Serving, serving
from netforge.host.settings.blueprint import Blueprint, Plan, PlannedListener
from netforge.host.waiting import within
from netforge.plugin import Datagram, IReactor, IServices, ServiceStatus, Unix

__all__ = ["Change", "Tree"]

log = Logger()

#: Seconds for the reactor to report the end of connections that were cut.
LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a start or a reload did, by the names of services and shared components.

    :param services_kept: how many of those kept are services. Components need not stand in the settings, and so are not
        counted to people.
    """

    added: Sequence[str]
    replaced: Sequence[str]
    removed: Sequence[str]
    kept: Sequence[str]
    services_kept: int

    def __str__(self) -> str:
        groups = {"started": self.added, "replaced": self.replaced, "removed": self.removed}
        done = [f"{word} {', '.join(names)}" for word, names in groups.items() if names]
        return "; ".join([*done, f"{self.services_kept} unchanged"])


@implementer(IServices)
class Tree:
    """The ports and instances of one host.

    :param blueprint: what is to run first.
    :param reactor: what it runs on.
    :param random: the source of randomness for the services.
    """

    def __init__(self, blueprint: Blueprint, reactor: IReactor, random: Random) -> None:
        self.blueprint = blueprint
        self._reactor = reactor
        self._random = random
        self._ports: dict[Hashable, Port] = {}
        self._instances: dict[str, Instance] = {}
        self._retired: list[Instance] = []
        self._lingering: dict[Instance, IDelayedCall] = {}
        self._keepsakes = Keepsakes()
        self._ids = map("{:x}".format, count(random.getrandbits(32)))
        self._starting: Deferred[Any] | None = None
        self._waiting: set[Deferred[Any]] = set()
        self._stopping = False
        self._hurry = False

    @property
    def serving(self) -> Sequence[Serving]:
        """Every address that is served, in the order of the settings."""
        return [
            serving(
                plan.name,
                plan.plugin.name,
                served.part,
                self._ports[served.listener.identity].actual,
                tls=served.listener.listen.keys.get("tls") is True,
            )
            for plan in self.blueprint.plans
            if plan.name in self._instances
            for served in self._instances[plan.name].served
            if served.listener.identity in self._ports
        ]

    def services(self) -> Sequence[ServiceStatus]:
        """See :meth:`netforge.plugin.IServices.services`."""
        return [self._status(plan.name, self._instances.get(plan.name)) for plan in self.blueprint.plans]

    def _status(self, name: str, instance: Instance | None) -> ServiceStatus:
        if instance is None:
            return ServiceStatus(name, ready=False, connections=0)
        return ServiceStatus(name, not self._stopping, len(instance.connections))

    def bind(self, *, privileged: bool = False) -> None:
        """Bind every address that is not bound yet, or none of them.

        :param privileged: leave out UNIX sockets, which need no privilege and belong to whoever makes them.
        :raises BindError: if any cannot be had.
        """
        self._bind(
            (plan, listener)
            for plan, listener in _listeners(self.blueprint)
            if not (privileged and isinstance(listener.listen.address, Unix))
        )

    async def grow(self) -> Change:
        """Start what the blueprint asks for, or leave nothing running and nothing bound.

        :raises ServiceFailed, BindError: naming the service that could not be started.
        :raises CancelledError: if :meth:`stop` came first.
        """
        self._stopping = self._hurry = False
        try:
            return await self._apply(self.blueprint)
        except Exception:
            await self._close(self._ports)
            raise

    async def start_components(self) -> None:
        """Start what the blueprint asks for without binding or serving anything.

        :raises ServiceFailed: naming the service that could not be started; until :meth:`stop`, those before it run.
        """
        for plan in self.blueprint.plans:
            self._instances[plan.name] = instance = self._instance(plan, self.blueprint, self._instances)
            await self._in_time(self.blueprint.host.start_deadline, instance, instance.build_and_start)

    async def change(self, new: Blueprint) -> Change:
        """Go to another blueprint, or leave everything as it is.

        :raises ServiceFailed, BindError: naming the service that could not be started.
        :raises CancelledError: if :meth:`stop` came first.
        """
        bound = self._bind(_listeners(new))
        try:
            change = await self._apply(new)
            self.blueprint = new
        except Exception:
            await self._close(bound)
            raise
        finally:
            self._keepsakes.forget_all_but({plan.name for plan in self.blueprint.plans})
        return change

    def interrupt(self) -> None:
        """Start nothing more: a :meth:`grow` or :meth:`change` under way undoes what it did and fails."""
        self._stopping = True
        if self._starting is not None:
            self._starting.cancel()

    async def stop(self) -> None:
        """Accept nothing more, drain every connection, stop every service, users before what they use.

        UDP ports receive nothing more from the beginning, but send late answers to the end.
        """
        for call in self._lingering.values():
            call.cancel()
        self._lingering.clear()
        for port in self._ports.values():
            port.hold("stop", True)
        await self._close([identity for identity, port in self._ports.items() if not port.address.datagram])
        everything = [*self._instances.values(), *self._retired]
        await self._drain(everything)
        for instance in _users_first(everything):
            await instance.stop(self._task_stops)
        await self._close(self._ports)
        self._instances.clear()
        self._retired.clear()
        self._keepsakes.forget_all_but(set())

    def cut(self) -> None:
        """Wait no longer for anything that is stopping."""
        self._hurry = True
        for waiting in list(self._waiting):
            waiting.cancel()

    def _bind(self, wanted: Iterable[tuple[Plan, PlannedListener]]) -> Sequence[Hashable]:
        """Bind every address that is not bound yet, or none of them."""
        bound: list[Hashable] = []
        failures = []
        for plan, listener in wanted:
            if listener.identity in self._ports:
                continue
            port = Port(listener.listen.address, self._reactor)
            try:
                port.bind()
            except OSError as error:
                failures.append((str(port.address), plan.name, error))
            else:
                self._ports[listener.identity] = port
                bound.append(listener.identity)
        if failures:
            Deferred.fromCoroutine(self._close(bound))
            raise BindError(failures)
        return bound

    async def _close(self, identities: Iterable[Hashable]) -> None:
        ports = [self._ports.pop(identity) for identity in list(identities)]
        await DeferredList([Deferred.fromCoroutine(port.close()) for port in ports])

    async def _apply(self, new: Blueprint) -> Change:
        """Go from what runs to what a blueprint asks for, or leave everything as it is.

        Everything that can fail comes first: what is new or changed is built and started beside what runs, and new
        ports begin to listen. The exchange itself cannot fail and happens within one turn of the reactor.
        """
        kept = self._kept(new)
        made: dict[str, Instance] = {}
        paused: list[Instance] = []
        try:
            successors: list[Instance] = []
            for plan in new.plans:
                if plan.name in kept:
                    continue
                instance = self._instance(plan, new, {**self._instances, **made})
                made[plan.name] = instance
                if plan.plugin.exclusive and plan.name in self._instances:
                    await self._in_time(new.host.start_deadline, instance, instance.build)
                    successors.append(instance)
                else:
                    await self._in_time(new.host.start_deadline, instance, instance.build_and_start)
            # Last, since it costs the old ones their connections. Nothing else waits for them: they offer nothing.
            for instance in successors:
                old = self._instances[instance.plan.name]
                paused.append(old)
                await self._pause(old)
                await self._in_time(new.host.start_deadline, instance, instance.start)
            self._unless_stopping()
            self._listen(made.values())
        except Exception:
            for instance in reversed(made.values()):
                await instance.stop(self._task_stops)
            for instance in reversed(paused):
                await self._unpause(instance)
            raise
        for instance in made.values():
            instance.serve(self._ports)
            self._hold(instance, hold=False)
        return await self._retire(new, made, kept)

    def _kept(self, new: Blueprint) -> set[str]:
        """The services that a blueprint leaves as they are, with everything that they use."""
        kept: set[str] = set()
        if new.host.state != self.blueprint.host.state:
            return kept
        for plan in new.plans:
            instance = self._instances.get(plan.name)
            if instance is not None and instance.plan.same_as(plan) and kept.issuperset(plan.providers.values()):
                kept.add(plan.name)
        return kept

    def _instance(self, plan: Plan, new: Blueprint, others: Mapping[str, Instance]) -> Instance:
        offered = {need: others[name].offers[need] for need, name in plan.providers.items()}
        offered[IServices] = self

        def context(needs: Iterable[Any], keeper: str, owner: str) -> HostContext:
            shared = {need: offered[need] for need in needs}
            return HostContext(
                plan.name,
                self._reactor,
                self._random,
                shared,
                new.host.state,
                self._keepsakes,
                keeper=keeper,
                owner=owner,
            )

        layers = {active.layer.name: active.layer for one in plan.listeners for active in one.layers}
        return Instance(
            plan,
            context(plan.plugin.needed(plan.settings), f"service {plan.plugin.name}", f"service {plan.name!r}"),
            {name: context(layer.needs, f"layer {name}", f"layer {name!r}") for name, layer in layers.items()},
            [others[name] for name in dict.fromkeys(plan.providers.values())],
            Connections(plan.name, self._ids.__next__),
            self._hold_port,
        )

    async def _in_time(self, deadline: float, instance: Instance, start: Callable[[], Awaitable[None]]) -> None:
        """Wait for a start until its deadline, unless a stop comes."""
        self._unless_stopping()
        self._starting = within(deadline, self._reactor, start())
        try:
            await self._starting
        except TimeoutError as error:
            raise ServiceFailed(instance.plan.name, instance.plan.where, "start", str(error)) from None

    def _unless_stopping(self) -> None:
        if self._stopping:
            raise CancelledError

    def _listen(self, instances: Iterable[Instance]) -> None:
        """Open the new ports and put everything in place for the exchange."""
        for instance in instances:
            for served in instance.served:
                port = self._ports[served.listener.identity]
                try:
                    port.listen()
                except OSError as error:
                    raise BindError([(str(port.address), instance.plan.name, error)]) from error
            instance.prepare(self._ports)

    async def _retire(self, new: Blueprint, made: Mapping[str, Instance], kept: set[str]) -> Change:
        """Let go of what was replaced or removed. Connections of a replaced instance live on."""
        old, self._instances = (
            self._instances,
            {plan.name: made.get(plan.name) or self._instances[plan.name] for plan in new.plans},
        )
        change = Change(
            [name for name in made if name not in old],
            [name for name in made if name in old],
            [name for name in old if name not in self._instances],
            sorted(kept),
            sum(plan.name in kept and not plan.plugin.offers for plan in new.plans),
        )
        for name in [*change.replaced, *change.removed]:
            self._retired.append(old[name])
        wanted = {listener.identity for _, listener in _listeners(new)}
        await self._close(self._ports.keys() - wanted)
        for instance in self._retired:
            if instance.plan.name in change.removed:
                self._let_finish(instance, new.host.drain_deadline)
        for name in [*change.replaced, *change.removed]:
            if any(isinstance(served.part, Datagram) for served in old[name].served):
                self._lingering[old[name]] = self._reactor.callLater(new.host.drain_deadline, self._lingered, old[name])
            old[name].connections.when_empty().addCallback(lambda _: self._reap())
        return change

    def _let_finish(self, instance: Instance, deadline: float) -> None:
        """Ask the connections of a removed service to finish, and cut them at the deadline, unless a stop comes."""
        instance.connections.drain()
        call = self._reactor.callLater(deadline, instance.connections.cut)
        instance.connections.when_empty().addCallback(lambda _: call.cancel() if call.active() else None)

    def _lingered(self, instance: Instance) -> None:
        """A retired instance has had its time for late answers to datagrams."""
        del self._lingering[instance]
        self._reap()

    def _reap(self) -> None:
        """Stop the retired instances that have nothing left to do and that no other retired one uses."""
        for instance in list(self._retired):
            used = any(instance in other.providers for other in self._retired)
            if not used and not instance.connections and instance not in self._lingering:
                stopping = Deferred.fromCoroutine(instance.stop(self._task_stops))
                stopping.addCallback(self._reaped, instance)

    def _reaped(self, _: None, instance: Instance) -> None:
        if instance in self._retired:
            self._retired.remove(instance)
            self._reap()

    async def _pause(self, instance: Instance) -> None:
        """Stop an exclusive instance while its successor starts. Who connects meanwhile waits in the backlog."""
        self._hold(instance, hold=True)
        await self._drain([instance])
        await instance.stop(self._task_stops)

    async def _unpause(self, instance: Instance) -> None:
        """The successor failed: bring the old instance back, or else leave it to the next reload."""
        try:
            await self._in_time(self.blueprint.host.start_deadline, instance, instance.start)
            instance.prepare(self._ports)
        except CancelledError:
            return
        except ServiceFailed:
            log.failure("service {name!r} cannot be brought back", name=instance.plan.name)
            await instance.stop(self._task_stops)
            del self._instances[instance.plan.name]
            return
        self._hold(instance, hold=False)

    def _hold(self, instance: Instance, *, hold: bool) -> None:
        for served in instance.served:
            self._hold_port(served.listener.identity, "exchange", hold)

    def _hold_port(self, identity: Hashable, reason: Hashable, hold: bool) -> None:
        if port := self._ports.get(identity):
            port.hold(reason, hold)

    async def _drain(self, instances: Sequence[Instance]) -> None:
        """Let connections finish until the deadline, then cut those that have not."""
        for instance in instances:
            instance.connections.drain()
        deadline = self.blueprint.host.drain_deadline
        await self._patiently(_all_empty(instances).addTimeout(deadline, self._reactor))
        left = sum(len(instance.connections) for instance in instances)
        if left:
            log.warn("cutting what has not finished: connections={left}", left=left)
            for instance in instances:
                instance.connections.cut()
            await _all_empty(instances).addTimeout(LAST_WORDS, self._reactor)

    async def _task_stops(self, stopping: object) -> None:
        """Wait for what the stop of a task returned."""
        await self._patiently(within(self.blueprint.host.stop_deadline, self._reactor, stopping))

    async def _patiently(self, waiting: Deferred[Any]) -> None:
        """Wait for something, unless :meth:`cut` is or was called."""
        self._waiting.add(waiting)
        if self._hurry:
            waiting.cancel()
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)


def _listeners(blueprint: Blueprint) -> Iterable[tuple[Plan, PlannedListener]]:
    return [(plan, listener) for plan in blueprint.plans for listener in plan.listeners]


def _all_empty(instances: Iterable[Instance]) -> Deferred[Any]:
    """Fires when none of the instances has a connection; when cancelled, it fires all the same."""
    return DeferredList([instance.connections.when_empty() for instance in instances], consumeErrors=True)


def _users_first(instances: Sequence[Instance]) -> Sequence[Instance]:
    """An order in which whoever uses a component comes before it."""
    ordered: list[Instance] = []

    def visit(instance: Instance) -> None:
        if instance not in ordered:
            for provider in instance.providers:
                visit(provider)
            ordered.append(instance)

    for instance in instances:
        visit(instance)
    return ordered[::-1]
