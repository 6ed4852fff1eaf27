"""The guard: what would make two runs differ is an error that names the culprit.

While a network runs, the wall clock, unseeded randomness and the global reactor are out of reach of the code under
test: netforge, its plugins, and whatever else is not an installed library. Libraries and Python itself, which the
author of a test cannot change, get virtual time and seeded randomness instead.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Collection
from types import FrameType
from typing import TYPE_CHECKING, Any

from netforge.testing.network.culprits import culprit, is_tested, spell
from netforge.testing.network.globalreactor import choose_reactors, restore_reactor

if TYPE_CHECKING:
    from netforge.testing.network.network import Network

__all__ = ["Guard", "NotSimulated", "guarding"]

_REACTOR = "take the reactor as an argument, or make the network with global_reactor=True"
_SLEEP = "nothing happens meanwhile: use the clock's callLater"
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
        self._found: NotSimulated | None = None

    @property
    def now(self) -> float:
        """The time of its network."""
        return self._network.schedule.now

    def __enter__(self) -> None:
        if Guard.active is not None:
            raise RuntimeError("another network is running")
        choose_reactors(self._choose)
        Guard.active = self

    def __exit__(self, *_: object) -> None:
        restore_reactor()
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
            raise self._error(what, instead, to_blame)

    def sleep(self, seconds: float) -> None:
        """What ``time.sleep`` is: a thread may, a reactor may not."""
        if not self._network.threads.sleep(seconds):
            raise self._error("time.sleep() stops the reactor", _SLEEP, _blame(sys._getframe(2)))

    def _choose(self, asking: FrameType) -> Any:
        if self._global_reactor or asking.f_globals.get("__name__") in _NEEDY:
            if self._network.running is not None:
                return self._network.running.reactor
            raise self._error("no machine is running whose reactor could be the global one", _REACTOR, _blame(asking))
        raise self._error("the global reactor is not on the simulated network", _REACTOR, _blame(asking))

    def _error(self, what: str, instead: str, to_blame: FrameType) -> NotSimulated:
        error = NotSimulated(f"{spell(to_blame)}: {what}; {instead}")
        self._found = self._found or error
        return error


def _blame(frame: FrameType) -> FrameType:
    """Who is to blame for what a library was made to do: the nearest code under test, or else the library."""
    at: FrameType | None = frame
    while at is not None:
        if is_tested(at.f_code.co_filename):
            return at
        at = at.f_back
    return frame


def guarding() -> Guard | None:
    """The guard of the network that is running, if this thread belongs to it."""
    guard = Guard.active
    return guard if guard is not None and guard._network.threads.has(get_ident()) else None
