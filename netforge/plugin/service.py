"""``@service``: the declaration of a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from netforge.plugin.context import Context
from netforge.plugin.parts import Parts
from netforge.plugin.settings import Settings

__all__ = ["CONTRACT", "Command", "Contribution", "ServicePlugin", "service"]

#: The version of the contract that this package declares. It grows when the contract grows; what a plugin written for
#: an earlier version uses keeps working for two releases after it was deprecated.
CONTRACT = 1

S = TypeVar("S", bound=Settings)
C = TypeVar("C", bound="Contribution")

Build = Callable[[S, Context], Parts | Awaitable[Parts]]
Needs = Sequence[Any] | Callable[[S], Sequence[Any]]

#: Keys of a service's table, and flags beside those of its settings, that are the host's or may become so.
RESERVED = frozenset(
    {
        "service",
        "enabled",
        "uses",
        "state",
        "ready_file",
        "config",
        "plugin_dir",
        "free_ports",
        "reactor",
        "help",
        "version",
    }
)


@dataclass(frozen=True, slots=True)
class Contribution:
    """Something that a service adds to the project beyond its parts. The base of every kind of contribution.

    :param name: what it is called; unique within its kind.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Command(Contribution, Generic[S]):
    """A subcommand of ``netforge``.

    :param name: its words: ``"echo ping"`` is run as ``netforge echo ping``.
    :param options: a settings model: a field without a default is an argument, one with a default an option. The
        first line of its docstring is the help.
    :param run: called with its surroundings and the options; printed output is its result. A
        :class:`~netforge.plugin.CommandFailed` ends it with a message and exit status 1.
    :param needs: interfaces of the shared components that it uses through ``context[...]``. They are made as the
        settings file of ``--config`` says, and nothing else of that file runs: a server may run it at the same time.
    """

    options: type[S]
    run: Callable[[Context, S], Awaitable[None]]
    needs: Sequence[Any] = ()


@dataclass(frozen=True)
class ServicePlugin(Generic[S]):
    """A declared service. Made by :func:`service`; calling it calls the build.

    The fields are the arguments of :func:`service`.
    """

    name: str
    settings: type[S]
    build: Build[S]
    needs: Needs[S]
    offers: tuple[Any, ...]
    listener: Mapping[str, Any]
    exclusive: bool
    lab: str
    examples: tuple[str, ...]
    contributions: tuple[Contribution, ...]
    contract: int

    def __call__(self, settings: S, context: Context) -> Parts | Awaitable[Parts]:
        """Build the service's parts."""
        return self.build(settings, context)

    def needed(self, settings: S) -> Sequence[Any]:
        """What it needs with some settings."""
        return self.needs(settings) if callable(self.needs) else self.needs

    @property
    def title(self) -> str:
        """The first line of the settings' docstring; without one, the name."""
        return (self.settings.__doc__ or "").strip().partition("\n")[0].rstrip(". ") or self.name

    def contributed(self, kind: type[C]) -> Sequence[C]:
        """The contributions of one kind, such as ``Command``."""
        return [one for one in self.contributions if isinstance(one, kind)]


def service(
    name: str,
    settings: type[S],
    *,
    needs: Needs[S] = (),
    offers: Sequence[Any] = (),
    listener: Mapping[str, Any] | None = None,
    exclusive: bool = False,
    lab: str = "",
    examples: Sequence[str] = (),
    contributes: Sequence[Contribution] = (),
    contract: int = 1,
) -> Callable[[Build[S]], ServicePlugin[S]]:
    """Declare a service. The decorated function builds its parts from settings and context; it may be ``async``.

    :param name: what a settings file calls it, and the name of its entry point in the group ``netforge.services``
        (``netforge.shared`` for one that offers something).
    :param settings: the model of its table.
    :param needs: interfaces of the shared components that it uses through ``context[...]``; or, where that depends on
        its settings, a function that takes these and returns the interfaces.
    :param offers: interfaces that it provides to others: for each one its parts hold an :class:`Offer`.
    :param listener: its own defaults for keys of its listeners, which belong to the layers: ``{"limits": {"idle": 0}}``
        for one whose clients may be silent. What the settings say goes before them, key by key, in a table within too.
    :param exclusive: on reload, stop the old instance before the new one starts; for what must not run twice at once,
        such as a mail queue.
    :param lab: the service in the built-in lab: TOML as in a settings file (``[services.NAME]`` tables), on loopback
        and high ports. Empty leaves it out.
    :param examples: further such texts, shown in the documentation and tried by the tests.
    :param contributes: commands and other contributions.
    :param contract: the version of the contract that the plugin was written for, where it is not the first.
    :raises ValueError: if the settings claim a key that is the host's, or if an exclusive service offers something:
        what others use cannot stop before they do.
    """
    if exclusive and offers:
        raise ValueError(f"{name}: an exclusive service cannot offer anything, since others go on while it is stopped")
    for taken in RESERVED & settings.model_fields.keys():
        raise ValueError(f"{settings.__name__}.{taken}: the name belongs to the host; choose another")

    def declare(build: Build[S]) -> ServicePlugin[S]:
        return ServicePlugin(
            name,
            settings,
            build,
            needs if callable(needs) else tuple(needs),
            tuple(offers),
            listener or {},
            exclusive,
            lab,
            tuple(examples),
            tuple(contributes),
            contract,
        )

    return declare
