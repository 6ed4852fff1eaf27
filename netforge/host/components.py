"""Shared components alone: for a command that needs some, beside or without the server that uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import SystemRandom
from typing import Any, TypeVar

from netforge.host.discovery import Catalogue
from netforge.host.settings import draw
from netforge.host.settings.document import Document
from netforge.host.tree import Tree
from netforge.plugin import Context, IReactor, Parts, Settings, service

__all__ = ["with_components"]

T = TypeVar("T")


async def with_components(
    name: str,
    needs: Sequence[Any],
    document: Document,
    reactor: IReactor,
    work: Callable[[Context], Awaitable[T]],
    *,
    catalogue: Catalogue | None = None,
) -> T:
    """Do some work with the components that it needs. They are stopped when it is done.

    :param name: who works, as the name of a service.
    :param needs: the interfaces of the components.
    :param document: the settings. Of what they ask for, only the components run, and nothing listens.
    :param catalogue: the plugins to use, as for :func:`~netforge.host.settings.draw`.
    :raises SettingsError: with everything that is wrong in the settings.
    :raises ServiceFailed: naming the component that could not be started.
    """
    contexts: list[Context] = []

    @service(name, Settings, needs=needs)
    def worker(settings: Settings, context: Context) -> Parts:
        contexts.append(context)
        return []

    tree = Tree(draw(document, catalogue, only=worker), reactor, SystemRandom())
    try:
        await tree.start_components()
        return await work(contexts[0])
    finally:
        tree.interrupt()
        await tree.stop()
