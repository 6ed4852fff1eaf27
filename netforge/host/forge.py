"""``Forge``: the root of the service tree. It starts, reloads, drains and stops what a blueprint asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from random import Random, SystemRandom
from typing import TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.host.serving import Serving
from netforge.host.settings.blueprint import Blueprint
from netforge.host.tree import Change, Tree
from netforge.plugin import Contribution, IReactor

__all__ = ["Forge", "State"]

log = Logger()
C = TypeVar("C", bound=Contribution)


class State(Enum):
    """Where a forge is in its life."""

    NEW = "not started"
    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Forge(Service):
    """Twisted's ``IService`` over everything that a blueprint asks for.

    Under ``twistd`` the sockets are bound in :meth:`privilegedStartService`, while there are privileges; whatever is
    unbound is bound in :meth:`startService`. The rest starts when the reactor runs, in the order of the needs, and is
    undone if any of it fails. Only when everything is ready does the first listener accept.

    A forge takes no signals: that is its launcher's work.

    :param blueprint: what to run.
    :param reactor: what to run it on.
    :param reread: reads the settings anew for a reload; without it there is nothing to reload from.
    :param random: the source of randomness for the services.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        reactor: IReactor,
        reread: Callable[[], Blueprint] | None = None,
        random: Random | None = None,
    ) -> None:
        self.state = State.NEW
        self._tree = Tree(blueprint, reactor, random or SystemRandom())
        self._reactor = reactor
        self._reread = reread
        self._turn = DeferredLock()
        self._outcome: Change | Failure | None = None
        self._curious: list[Deferred[Change]] = []

    @property
    def blueprint(self) -> Blueprint:
        """What runs now, or is about to."""
        return self._tree.blueprint

    @property
    def serving(self) -> Sequence[Serving]:
        """Every address that is served, with how to try it, in the order of the settings."""
        return self._tree.serving

    def contributions(self, kind: type[C]) -> Sequence[tuple[str, C]]:
        """What the running services contribute of one kind, each with its service's name."""
        return [(plan.name, one) for plan in self.blueprint.plans for one in plan.plugin.contributed(kind)]

    def when_ready(self) -> Deferred[Change]:
        """Fires when everything serves.

        :raises ServiceFailed, BindError: through the Deferred, if the start failed; nothing runs then.
        :raises CancelledError: through the Deferred, if a stop came first.
        """
        ready: Deferred[Change] = Deferred()
        self._curious.append(ready)
        self._tell()
        return ready

    def privilegedStartService(self) -> None:
        """Bind what may need privileges: every internet port.

        :raises BindError: if any cannot be had.
        """
        self._tree.bind(privileged=True)

    def startService(self) -> None:
        """Bind the rest and begin to start. Returns before that is done; see :meth:`when_ready`.

        :raises BindError: if an address cannot be had.
        """
        self._tree.bind()
        super().startService()
        self.state = State.STARTING
        self._outcome = None
        # In a turn of its own: what is called when the reactor begins to run is called before an asyncio loop does.
        self._reactor.callWhenRunning(self._reactor.callLater, 0, self._begin)

    def stopService(self) -> Deferred[None]:
        """Accept nothing more, let connections finish until the drain's deadline, then stop everything.

        :return: fires when nothing is left.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def cut(self) -> None:
        """Wait no longer for anything that is stopping."""
        self._tree.cut()

    def reload(self) -> Deferred[Change]:
        """Read the settings anew and exchange what has changed. Unchanged services notice nothing.

        :return: fires with what was changed.
        :raises SettingsError, BindError, ServiceFailed: through the Deferred; everything is as it was then.
        :raises RuntimeError: through the Deferred, if the forge does not serve, or has nothing to read.
        """
        return Deferred.fromCoroutine(self._reload())

    def _begin(self) -> None:
        Deferred.fromCoroutine(self._start())

    async def _start(self) -> None:
        async with self._turn:
            if self.state is not State.STARTING:
                return
            try:
                self._outcome = await self._tree.grow()
                self.state = State.SERVING
            except Exception as error:
                if self.state is State.STARTING:
                    log.failure("netforge cannot start: {reason}", reason=error)
                    self.state = State.STOPPED
                    self._outcome = Failure()
        self._tell()

    async def _reload(self) -> Change:
        async with self._turn:
            if self.state is not State.SERVING:
                raise RuntimeError(f"nothing to reload: netforge is {self.state.value}")
            if self._reread is None:
                raise RuntimeError("nothing to reload from: these settings were given by the program")
            return await self._tree.change(self._reread())

    async def _stop(self) -> None:
        if self.state not in (State.NEW, State.STOPPED):
            self.state = State.STOPPING
        self._tree.interrupt()
        async with self._turn:
            await self._tree.stop()
            self.state = State.STOPPED
            self._outcome = self._outcome or Failure(CancelledError())
        self._tell()

    def _tell(self) -> None:
        """Tell the outcome of the start to those who asked."""
        if self._outcome is None:
            return
        curious, self._curious = self._curious, []
        for ready in curious:
            if isinstance(self._outcome, Failure):
                ready.errback(self._outcome)
            else:
                ready.callback(self._outcome)
