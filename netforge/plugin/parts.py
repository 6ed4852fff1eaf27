"""What a service is made of: factories on listeners, tasks, and what it offers to other services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol

from netforge.plugin.listen import Listen

__all__ = ["Datagram", "Offer", "Part", "Parts", "Stream", "Task"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A protocol factory on a stream listener (TCP, UNIX, or an inherited one).

    :param listen: one of the listeners in the settings.
    :param factory: builds a protocol for each connection.
    :param protocol: the protocol's name for people and scripts; the service's name if left out.
    :param try_it: a shell command that shows it at work. ``{nc}`` becomes the netcat command that connects,
        ``{host}``, ``{port}`` and ``{path}`` the parts of the address. ``None`` sends a line by netcat.
    """

    listen: Listen
    factory: IProtocolFactory
    protocol: str | None = field(default=None, kw_only=True)
    try_it: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Datagram:
    """A datagram protocol on a UDP listener.

    :param listen: one of the listeners in the settings.
    :param receiver: gets the datagrams and answers through its ``transport``.
    :param protocol: as for :class:`Stream`.
    :param try_it: as for :class:`Stream`.
    """

    listen: Listen
    receiver: AbstractDatagramProtocol
    protocol: str | None = field(default=None, kw_only=True)
    try_it: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that runs beside the listeners: a timer, a queue, an outbound client.

    :param start: called before the service accepts connections; may return an awaitable, which is waited for. May be
        called again after *stop*, when a reload that had to stop the service first fails.
    :param stop: called after the service's last connection is closed; may return an awaitable.
    :param name: for messages; the function's name if left out.
    """

    start: Callable[[], Awaitable[object] | object]
    stop: Callable[[], Awaitable[object] | object]
    name: str = ""

    def __str__(self) -> str:
        return self.name or getattr(self.start, "__qualname__", repr(self.start))


@dataclass(frozen=True, slots=True)
class Offer:
    """A shared component: what other services get for ``context[interface]``.

    :param interface: one of the interfaces in the ``offers`` of the service's declaration.
    :param component: the object that provides it.
    """

    interface: Any
    component: object


#: Any of the parts.
Part = Stream | Datagram | Task | Offer
#: What a build returns; it may also yield them.
Parts = Iterable[Part]
