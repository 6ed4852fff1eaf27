"""One service that runs: its parts, its tasks and its connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from netforge.host.connections import Connections
from netforge.host.context import HostContext
from netforge.host.errors import ServiceFailed
from netforge.host.ports import Port
from netforge.host.settings.blueprint import Plan, PlannedListener
from netforge.host.waiting import settled
from netforge.plugin import Datagram, Listener, Offer, Part, Stream, Task

__all__ = ["Instance", "Served"]

log = Logger()


@dataclass(frozen=True, slots=True)
class Served:
    """A part on its listener.

    :param outermost: what the port talks to: the part's factory or receiver, with the layers before it.
    """

    listener: PlannedListener
    part: Stream | Datagram
    outermost: Any


class Instance:
    """A service built by one plan. After a reload that changes it, another instance takes its place.

    :param contexts: the context of the service, and one for each of its layers, by the layer's name.
    :param providers: the instances whose components it uses; they must outlive it.
    :param hold: holds a port, by its identity, for a reason.
    """

    def __init__(
        self,
        plan: Plan,
        context: HostContext,
        layer_contexts: Mapping[str, HostContext],
        providers: Sequence[Instance],
        connections: Connections,
        hold: Callable[[Hashable, Hashable, bool], object],
    ) -> None:
        self.plan = plan
        self.providers = providers
        self.connections = connections
        self._hold = hold
        self.offers: dict[Any, object] = {}
        self.served: Sequence[Served] = ()
        self._context = context
        self._layer_contexts = layer_contexts
        self._tasks: list[Task] = []
        self._running: list[Task] = []
        self._prepared: list[Served] = []
        self._lock = DeferredLock()

    async def build(self) -> None:
        """Call the plugin's build and put its parts in their places.

        :raises ServiceFailed: if it raises, or if the parts do not fit the settings.
        """
        try:
            parts = _parts(await settled(self.plan.plugin.build(self.plan.settings, self._context)))
            self._tasks = [part for part in parts if isinstance(part, Task)]
            self.offers = self._offered([part for part in parts if isinstance(part, Offer)])
            self.served = self._placed([part for part in parts if isinstance(part, Stream | Datagram)])
        except Exception as error:
            raise self._failure("build", error) from error

    async def build_and_start(self) -> None:
        """Both, one after the other.

        :raises ServiceFailed: as they do.
        """
        await self.build()
        await self.start()

    async def start(self) -> None:
        """Start the tasks, one after the other. If one fails, those before it run until :meth:`stop`.

        :raises ServiceFailed: if one raises.
        """
        for task in self._tasks:
            try:
                await settled(task.start())
            except Exception as error:
                raise self._failure(f"start {task}", error) from error
            self._running.append(task)

    def prepare(self, ports: Mapping[Hashable, Port]) -> None:
        """Start the factories and connect the receivers to their ports.

        :raises ServiceFailed: if one raises.
        """
        for served in self.served:
            try:
                ports[served.listener.identity].prepare(served.outermost)
            except Exception as error:
                raise self._failure(f"serve {served.part.listen}", error) from error
            self._prepared.append(served)

    def serve(self, ports: Mapping[Hashable, Port]) -> None:
        """Take over the ports: what arrives there from now on is this instance's. Cannot fail."""
        for served in self.served:
            ports[served.listener.identity].serve(served.outermost, self.connections)

    async def stop(self, wait: Callable[[object], Awaitable[object]]) -> None:
        """Stop the factories and the tasks, the last first. What fails is logged and stops nothing else.

        :param wait: waits for what the stop of a task returned, as long as there is patience.
        """
        async with self._lock:
            while self._prepared:
                served = self._prepared.pop()
                try:
                    served.outermost.doStop()
                except Exception:
                    self._failed_to_stop(served.part.listen)
            while self._running:
                task = self._running.pop()
                try:
                    await wait(task.stop())
                except Exception:
                    self._failed_to_stop(task)

    def _failed_to_stop(self, part: object) -> None:
        log.failure("service {name!r} failed to stop {part}", name=self.plan.name, part=str(part))

    def _offered(self, offers: Iterable[Offer]) -> dict[Any, object]:
        found = {}
        for offer in offers:
            name = offer.interface.__name__
            if offer.interface not in self.plan.plugin.offers:
                raise ValueError(f"it offers {name} without declaring it: add offers=[{name}]")
            try:
                verifyObject(offer.interface, offer.component)
            except Invalid as error:
                raise ValueError(f"what it offers is no {name}: {error}") from None
            found[offer.interface] = offer.component
        if missing := [one.__name__ for one in self.plan.plugin.offers if one not in found]:
            raise ValueError(f"it declares that it offers {', '.join(missing)}, but its parts have no such Offer")
        return found

    def _placed(self, parts: Iterable[Stream | Datagram]) -> Sequence[Served]:
        """Each part with its listener. Every listener of the settings must be used, once and by the right kind."""
        free = list(self.plan.listeners)
        served = []
        for part in parts:
            listener = next((one for one in free if one.listen is part.listen), None) or next(
                (one for one in free if one.listen == part.listen), None
            )
            if listener is None:
                raise ValueError(f"{part.listen} is not a free listener of the settings")
            if listener.listen.datagram != isinstance(part, Datagram):
                takes = "datagrams (Datagram)" if listener.listen.datagram else "streams (Stream)"
                raise ValueError(f"{part.listen} is for {takes}, but the part is a {type(part).__name__}")
            free.remove(listener)
            served.append(Served(listener, part, self._layered(listener, part)))
        if free:
            raise ValueError(f"nothing serves {', '.join(str(one.listen) for one in free)}")
        return served

    def _layered(self, listener: PlannedListener, part: Stream | Datagram) -> Any:
        outermost: Any = part.factory if isinstance(part, Stream) else part.receiver
        for active in listener.layers:
            wrap = active.layer.wrap_stream if isinstance(part, Stream) else active.layer.wrap_datagram
            context = self._layer_contexts[active.layer.name]
            hold = partial(self._hold, listener.identity)
            outermost = wrap(outermost, active.keys, Listener(listener.listen.address, part, context, hold))
        return outermost

    def _failure(self, doing: str, error: Exception) -> ServiceFailed:
        return ServiceFailed(self.plan.name, self.plan.where, doing, f"{type(error).__name__}: {error}")


def _parts(built: Any) -> list[Part]:
    """What a build returned, if it is parts."""
    if not isinstance(built, Iterable):
        raise TypeError(f"expected the parts of the service, such as a list of them, found {built!r}")
    parts = list(built)
    for part in parts:
        if not isinstance(part, Stream | Datagram | Task | Offer):
            raise TypeError(f"expected Stream, Datagram, Task or Offer, found {part!r}")
    return parts
