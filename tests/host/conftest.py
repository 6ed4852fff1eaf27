"""A stage: services whose every step is written down, and can be made to wait or to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ITransport
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from netforge.host import Change, Forge
from netforge.host.discovery import Plugin
from netforge.host.settings import Blueprint, draw, read_text
from netforge.plugin import (
    Context,
    Datagram,
    Field,
    IDrainable,
    IReactor,
    Listen,
    Offer,
    Part,
    Settings,
    Stream,
    Task,
    service,
)

if TYPE_CHECKING:
    from tests.conftest import Installed, MemoryReactor

T = TypeVar("T")


class IGreeting(Interface):
    """What a provider on the stage offers."""


@implementer(IGreeting)
class Greeting:
    """What it offers."""


class StageSettings(Settings):
    """A service on the stage."""

    listen: list[Listen] = Field([], description="where")
    variant: str = Field("", description="anything that differs")
    polite: bool = Field(False, description="whether its protocols can be drained")
    tasks: int = Field(1, description="how many")
    file: Path | None = Field(None, description="a file whose content counts", watch=True)


class Actor(Protocol):
    """Answers with the name of its instance."""

    factory: Troupe
    transport: ITransport

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.factory.name.encode() + b":" + data)


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Actor):
    """Says goodbye when the peer has ended its side."""

    def readConnectionLost(self) -> None:
        self.transport.write(b"bye")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Never happens."""


@implementer(IDrainable)
class Polite(Actor):
    """Notes that it was asked to finish, and does so unless the stage's script says otherwise."""

    def drain(self) -> None:
        if self.factory.stage.step(self.factory.name, "drain") is None:
            self.transport.loseConnection()


class Troupe(ServerFactory[Actor]):
    """Builds actors, and keeps them all."""

    noisy = False

    def __init__(self, stage: Stage, name: str, actor: type[Actor]) -> None:
        self.stage = stage
        self.name = name
        self.actor = actor
        self.built: list[Actor] = []

    def startFactory(self) -> None:
        self.stage.step(self.name, "open")

    def stopFactory(self) -> None:
        self.stage.step(self.name, "shut")

    def buildProtocol(self, addr: IAddress | None) -> Actor:
        actor = self.actor()
        actor.factory = self
        self.built.append(actor)
        return actor


class Receiver(DatagramProtocol):
    """Answers datagrams with the name of its instance."""

    noisy = False

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name

    def startProtocol(self) -> None:
        self.stage.step(self.name, "receive")

    def stopProtocol(self) -> None:
        self.stage.step(self.name, "deaf")

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        assert self.transport is not None
        self.transport.write(self.name.encode() + b":" + datagram, addr)


class Stage:
    """Services whose instances are called ``a1``, ``a2`` and so on, after the service ``a``.

    The plugins: ``actor``; ``half``, whose protocols can be half closed; ``only``, which is exclusive; ``greeter``,
    which offers :class:`IGreeting`; and ``user``, which needs it.

    :ivar journal: what happened, such as ``a1 build``, ``a1 start``, ``a1 open``, ``a1 shut``, ``a1 stop``.
    :ivar script: what such a step does besides: raise an exception, or wait for a Deferred.
    :ivar greeting: :class:`IGreeting`.
    :ivar contexts, factories, receivers, greetings: what each instance has, by its name.
    """

    def __init__(self, reactor: MemoryReactor, installed: type[Installed], folder: Path) -> None:
        self.reactor = reactor
        self.journal: list[str] = []
        self.script: dict[str, Exception | Deferred[Any]] = {}
        self.contexts: dict[str, Context] = {}
        self.factories: dict[str, Troupe] = {}
        self.receivers: dict[str, Receiver] = {}
        self.greetings: dict[str, Greeting] = {}
        self.greeting = IGreeting
        self.text = ""
        self.services = [
            self.plugin("actor"),
            self.plugin("half", HalfCloseable),
            self.plugin("only", exclusive=True),
            self.plugin("user", needs=[IGreeting]),
        ]
        self.shared = [self.plugin("greeter", offers=[IGreeting])]
        self.layers: list[Any] = []
        self._installed = installed
        self._folder = folder
        self._instances: Counter[str] = Counter()

    def draw(self) -> Blueprint:
        """A blueprint of the text as it is now."""
        catalogue = self._installed(*self.services, shared=self.shared, layers=self.layers)
        return draw(read_text(self.text, self._folder, "forge.toml"), catalogue)

    def forge(self, text: str, reactor: Any = None) -> Forge:
        """A forge for a text, not started."""
        self.text = text
        return Forge(self.draw(), cast(IReactor, reactor or self.reactor), self.draw)

    def start(self, text: str) -> Forge:
        """A forge that serves."""
        forge = self.forge(text)
        forge.startService()
        self.reactor.turn()
        self.result(forge.when_ready())
        return forge

    def reload(self, forge: Forge, text: str) -> Deferred[Change]:
        """Begin to reload, and let the reactor turn."""
        self.text = text
        reloading = forge.reload()
        self.reactor.turn()
        return reloading

    def happened(self) -> list[str]:
        """What happened since this was last called."""
        happened, self.journal[:] = self.journal[:], []
        return happened

    def step(self, name: str, what: str) -> Any:
        """Take a step of an instance, as the script wants it."""
        self.journal.append(f"{name} {what}")
        outcome = self.script.get(f"{name} {what}")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def result(self, deferred: Deferred[T]) -> T:
        """The result that a Deferred has by now."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        assert results, "it has no result yet"
        if isinstance(results[0], Failure):
            results[0].raiseException()
        value: T = results[0]
        return value

    def waits(self, deferred: Deferred[Any]) -> bool:
        """Whether a Deferred has no result yet."""
        return not deferred.called or bool(deferred.paused)

    def failure(self, deferred: Deferred[Any]) -> Exception:
        """The exception that a Deferred failed with by now."""
        assert not self.waits(deferred), "it has no result yet"
        results: list[Any] = []
        deferred.addErrback(results.append)
        [failure] = results
        error: Exception = failure.value
        return error

    def plugin(self, name: str, actor: type[Actor] = Actor, **declared: Any) -> Plugin:
        """A plugin whose steps are written down, declared as said."""
        offers = declared.get("offers", ())

        @service(name, StageSettings, **declared)
        async def play(settings: StageSettings, context: Context) -> Sequence[Part]:
            self._instances[context.name] += 1
            name = f"{context.name}{self._instances[context.name]}"
            self.contexts[name] = context
            if (waiting := self.step(name, "build")) is not None:
                await waiting
            self.factories[name] = Troupe(self, name, Polite if settings.polite else actor)
            self.receivers[name] = Receiver(self, name)
            numbers = [""] if settings.tasks == 1 else range(1, settings.tasks + 1)
            return [
                *(self._part(name, listen) for listen in settings.listen),
                *(self._task(name, f"{number}") for number in numbers),
                *(Offer(interface, self.greetings.setdefault(name, Greeting())) for interface in offers),
            ]

        return play

    def _part(self, name: str, listen: Listen) -> Part:
        if listen.datagram:
            return Datagram(listen, self.receivers[name])
        return Stream(listen, self.factories[name])

    def _task(self, name: str, number: str) -> Task:
        return Task(
            lambda: self.step(name, f"start{number}"), lambda: self.step(name, f"stop{number}"), f"task{number}"
        )


@pytest.fixture
def stage(memory: MemoryReactor, installed: type[Installed], tmp_path: Path) -> Stage:
    """A stage over a reactor in memory."""
    return Stage(memory, installed, tmp_path)
