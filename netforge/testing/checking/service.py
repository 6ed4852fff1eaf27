"""``check_service``: what should hold for every service, from its examples to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.error import ConnectError

from netforge.host import BindError, ServiceFailed, SettingsError
from netforge.host.discovery import Catalogue, Plugin
from netforge.host.settings import Blueprint, draw, read_text
from netforge.plugin import parse_address
from netforge.testing.checking.errors import CheckFailed
from netforge.testing.checking.leftovers import leftovers, open_files
from netforge.testing.fixtures.lab import Lab, catalogue_with
from netforge.testing.fixtures.peer import Peer
from netforge.testing.network import Network

__all__ = ["check_service"]

#: Bytes a second between client and server: some services send without end.
BANDWIDTH = 100_000
#: Seconds for what a service does at once, such as closing a connection after its greeting.
MOMENT = 1.0


def check_service(
    plugin: Plugin | str,
    settings: str | None = None,
    *,
    folder: Path | None = None,
    drains: bool = True,
    seed: int = 0,
    global_reactor: bool = False,
) -> None:
    """Check what should hold for every service, on the simulated network.

    * Its lab and its examples are right.
    * It starts, and each of its TCP and UNIX listeners accepts a connection.
    * A reload leaves it alone if nothing has changed. If something has, a new instance serves, and connections to the
      old one live on (unless it is ``exclusive``).
    * When it is stopped, its connections finish before the host has to cut them.
    * Then nothing is left: no delayed calls, sockets, open files or threads.
    * Nothing is logged as a failure meanwhile.

    :param plugin: the service, or the name of one that is installed.
    :param settings: TOML to run it with, as in a settings file. If left out it is the service's lab, or its first
        example, or else a table that has nothing but its name.
    :param folder: what relative paths in the settings count from; an empty one if left out.
    :param drains: ``False`` if a connection of this service cannot be asked to finish, so that only the host cuts it.
    :param seed: what chance is made of.
    :param global_reactor: as for :class:`~netforge.testing.Network`.
    :raises CheckFailed: says what was expected, and what happened.
    :raises LookupError: if there is no service of that name.
    :raises PluginBroken: if it cannot be used.
    """
    if isinstance(plugin, str):
        plugin = Catalogue().services.get(plugin)
    if settings is None:
        settings = next(filter(None, [plugin.lab, *plugin.examples]), f"[services.{plugin.name}]\n")
    with TemporaryDirectory() as empty:
        folder = folder or Path(empty)
        _check_examples(plugin, folder)
        files = open_files()
        with Network(seed, global_reactor=global_reactor) as network:
            course = _Course(plugin, network)
            course.start(settings, folder)
            course.reload()
            course.change()
            course.stop(drains=drains)
            if left := leftovers(network, [course.lab.machine], files):
                raise CheckFailed(
                    f"leftovers: {plugin.name}: something is left", "nothing, a second after the stop", "; ".join(left)
                )


def _check_examples(plugin: Plugin, folder: Path) -> None:
    catalogue = catalogue_with([plugin])
    for text in filter(None, [plugin.lab, *plugin.examples]):
        name = "the lab" if text is plugin.lab else "an example"
        try:
            blueprint = draw(read_text(text, folder, name), catalogue)
        except SettingsError as error:
            problems = "\n".join(map(str, error.problems))
            raise CheckFailed(f"examples: {name} is wrong", f"settings that are right:\n{text}", problems) from None
        if not _names(plugin, blueprint):
            raise CheckFailed(f"examples: {name} does not run it", f"a table [services.{plugin.name}]", text)


def _names(plugin: Plugin, blueprint: Blueprint) -> Sequence[str]:
    """What a blueprint calls the instances of a plugin."""
    return [plan.name for plan in blueprint.plans if plan.plugin.name == plugin.name]


class _Unexpected(Exception):  # noqa: N818  becomes a CheckFailed
    """Something is not as a step expects."""


def _expect(true: bool, found: str) -> None:
    if not true:
        raise _Unexpected(found)


class _Course:
    """What happens to a service in its life, one thing after the other."""

    lab: Lab

    def __init__(self, plugin: Plugin, network: Network) -> None:
        self._plugin = plugin
        self._network = network
        self._peers: list[Peer] = []
        for machine in ("client", "server"):
            network.link(machine, "server", bandwidth=BANDWIDTH)

    def start(self, settings: str, folder: Path) -> None:
        with self._step("start", "it starts, and each listener accepts"):
            self.lab = Lab(self._network.machine("server"), settings, folder, plugins=[self._plugin])
            if not self._instances:
                raise CheckFailed(f"start: {self._plugin.name}", f"the settings run {self._plugin.name}", settings)
            self._connect()

    def reload(self) -> None:
        with self._step("reload", "a reload that changes nothing leaves the service and its connections alone"):
            change = self.lab.reload()
            _expect(set(change.kept) >= set(self._instances), str(change))
            self._expect_open()

    def change(self) -> None:
        expected = "a reload that changes something starts a new instance, and the old one's connections live on"
        with self._step("reload", expected):
            blueprint = self.lab.forge.blueprint
            # The host looks at files whose content counts. One more of them is a change that suits every service.
            plans = [
                replace(plan, watched={**plan.watched, Path("changed"): None}) if plan.name in self._instances else plan
                for plan in blueprint.plans
            ]
            change = self.lab.change_to(replace(blueprint, plans=plans))
            _expect(set(change.replaced) >= set(self._instances), str(change))
            if not self._plugin.exclusive:
                self._expect_open()
            self._connect()

    def stop(self, *, drains: bool) -> None:
        host = self.lab.forge.blueprint.host
        patience = host.drain_deadline if drains else host.drain_deadline + 2 * host.stop_deadline
        with self._step("stop", f"the connections finish, and it ends, in less than {patience:g} s"):
            took = self.lab.stop()
            _expect(took < patience, f"it took {took:g} s")
            for peer in self._peers:
                peer.reset()
            self._network.run(MOMENT)

    @property
    def _instances(self) -> Sequence[str]:
        return _names(self._plugin, self.lab.forge.blueprint)

    def _connect(self) -> None:
        """Connect to every listener for streams, and keep what is not closed at once."""
        for name in self._instances:
            streams = [one for one in self.lab.serving if one.name == name and not parse_address(one.address).datagram]
            self._peers += [self.lab.connect(name, number) for number in range(len(streams))]
        self._network.run(MOMENT)
        self._peers = [peer for peer in self._peers if not peer.closed]

    def _expect_open(self) -> None:
        self._network.run(MOMENT)
        closed = sum(peer.closed for peer in self._peers)
        _expect(not closed, f"{closed} of {len(self._peers)} connections were closed")

    @contextmanager
    def _step(self, name: str, expected: str) -> Iterator[None]:
        try:
            yield
        except CheckFailed:
            raise
        except SettingsError as error:
            raise self._failed(name, expected, "\n".join(map(str, error.problems))) from None
        except (BindError, ConnectError, ServiceFailed, TimeoutError, _Unexpected) as error:
            raise self._failed(name, expected, str(error)) from None
        for failure in self._network.failures:
            raise self._failed(name, "nothing is logged as a failure", failure.getTraceback())

    def _failed(self, name: str, expected: str, found: str) -> CheckFailed:
        return CheckFailed(f"{name}: {self._plugin.name}", expected, found, self._network.trace.end())
