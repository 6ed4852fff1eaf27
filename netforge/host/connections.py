"""The live connections of one service: told to finish at a drain, cut at its deadline, never wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, ITransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.plugin import Connection, IDrainable

__all__ = ["Connections"]

log = Logger()


class Connections:
    """The connections that a service's factories have built protocols for.

    A transport must talk to the very object that the factory built, so tracking cannot stand between them. It gives
    that object a ``makeConnection`` and then a ``connectionLost`` of its own, each of which removes itself and calls
    the real one: the path of the data is not touched. A protocol may hand its connection to another one by
    ``transport.protocol``, as an upgrade or ``startTLS`` does: that is noticed when it matters, at a drain.

    :param service: the service's name.
    :param next_id: makes the ids of connections.
    """

    def __init__(self, service: str, next_id: Callable[[], str]) -> None:
        self._service = service
        self._next_id = next_id
        self._live: dict[int, tuple[ref[Any], ref[Any]]] = {}
        self._emptied: list[Deferred[None]] = []

    def __len__(self) -> int:
        self._look_again()
        return len(self._live)

    def track(self, protocol: IProtocol, listener: str) -> None:
        """Follow a protocol from its ``makeConnection`` to its ``connectionLost``."""
        protocol.makeConnection = partial(self._made, protocol, listener)  # type: ignore[method-assign]  # see above

    def drain(self) -> None:
        """Ask every connection to finish. Those whose protocol cannot be asked go on."""
        for _, protocol in self._pairs():
            drainable = IDrainable(_innermost(protocol), None)
            if drainable is not None:
                try:
                    drainable.drain()
                except Exception:
                    log.failure("a connection of service {name!r} cannot be drained", name=self._service)

    def cut(self) -> None:
        """End every connection now, without sending what is buffered."""
        for transport, _ in self._pairs():
            abort = getattr(transport, "abortConnection", transport.loseConnection)
            abort()

    def when_empty(self) -> Deferred[None]:
        """Fires when no connection is left. Cancelling it stops waiting."""
        self._look_again()
        done: Deferred[None] = Deferred(self._emptied.remove)
        self._emptied.append(done)
        self._check_empty()
        return done

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        self._look_again()
        for transport_ref, protocol_ref in list(self._live.values()):
            transport, protocol = transport_ref(), protocol_ref()
            if transport is not None:
                yield transport, protocol

    def _look_again(self) -> None:
        """Forget connections whose end was told to nobody here, and follow those that were handed over."""
        for key, (transport_ref, protocol_ref) in list(self._live.items()):
            transport = transport_ref()
            if transport is None or getattr(transport, "disconnected", False):
                del self._live[key]
                continue
            current = getattr(transport, "protocol", None)
            if current is not None and current is not protocol_ref():
                self._follow(current, transport)

    def _made(self, protocol: Any, listener: str, transport: ITransport) -> None:
        del protocol.makeConnection
        self._follow(protocol, transport)
        Connection.begin(transport, self._next_id(), self._service, listener)
        protocol.makeConnection(transport)

    def _follow(self, protocol: Any, transport: ITransport) -> None:
        key = id(transport)
        own = vars(protocol).get("connectionLost")
        protocol.connectionLost = partial(self._lost, protocol, own, key)
        self._live[key] = ref(transport, partial(self._forget, key)), ref(protocol)

    def _lost(self, protocol: Any, own: Callable[[Failure], object] | None, key: int, reason: Failure) -> None:
        if own is None:
            del protocol.connectionLost
        else:
            protocol.connectionLost = own
        try:
            protocol.connectionLost(reason)
        finally:
            self._forget(key)

    def _forget(self, key: int, _: object = None) -> None:
        self._live.pop(key, None)
        self._check_empty()

    def _check_empty(self) -> None:
        if not self._live:
            emptied, self._emptied = self._emptied, []
            for done in emptied:
                done.callback(None)


def _innermost(protocol: Any) -> Any:
    """The service's own protocol, below any layers."""
    while (wrapped := getattr(protocol, "wrappedProtocol", None)) is not None:
        protocol = wrapped
    return protocol
