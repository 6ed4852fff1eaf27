"""Fixtures for pytest: ``network``, ``lab`` and ``netforge_server``.

Pytest imports this in every run, whatever is tested; so everything that takes time to import waits until it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from netforge.host.discovery import Plugin
    from netforge.testing import Lab, Network, ServerProcess

__all__ = ["MakeLab", "lab", "netforge_server", "network"]

#: Lines of the trace that a failing test shows.
LINES = 40

_networks = pytest.StashKey["Network"]()


class MakeLab(Protocol):
    """What the fixture :func:`lab` is."""

    def __call__(
        self,
        settings: str,
        *,
        plugins: Sequence[Plugin] = (),
        plugin_dirs: Sequence[Path] = (),
        folder: Path | None = None,
        machine: str = "server",
    ) -> Lab:
        """Run settings; see :class:`~netforge.testing.Lab`.

        :param folder: what relative paths count from; the test's ``tmp_path`` if left out.
        :param machine: the name of the machine to run them on.
        """
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--network-seed``."""
    parser.getgroup("netforge").addoption(
        "--network-seed", type=int, default=0, metavar="N", help="what chance is made of on simulated networks"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the mark ``network``."""
    config.addinivalue_line(
        "markers", "network(**arguments): make the fixture network with these, such as global_reactor=True"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have a failing test show what was sent last."""
    report = yield
    network = item.stash.get(_networks, None)
    if report.failed and network is not None and len(network.trace):
        report.sections.append((f"Simulated network, seed {network.seed}", network.trace.end(LINES)))
    return report


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """A simulated network; its seed is that of ``--network-seed``, or of the mark ``network``.

    What was logged as a failure fails the test in the end, unless the test has cleared ``network.failures``.
    """
    from netforge.testing import Network  # noqa: PLC0415  see the top

    mark = request.node.get_closest_marker("network")
    arguments: dict[str, Any] = {"seed": request.config.getoption("network_seed"), **(mark.kwargs if mark else {})}
    with Network(**arguments) as network:
        request.node.stash[_networks] = network
        yield network
    if network.failures:
        told = "\n".join(failure.getTraceback() for failure in network.failures)
        pytest.fail(f"logged as failures, and not cleared from network.failures:\n{told}", pytrace=False)


@pytest.fixture
def lab(network: Network, tmp_path: Path) -> Iterator[MakeLab]:
    """Runs whole settings files on the simulated network. They are stopped at the end of the test."""
    from netforge.testing import Lab  # noqa: PLC0415  see the top

    labs: list[Lab] = []

    def make(settings: str, *, folder: Path | None = None, machine: str = "server", **options: Any) -> Lab:
        labs.append(Lab(network.machine(machine), settings, folder or tmp_path, **options))
        return labs[-1]

    yield make
    for one in labs:
        one.stop()


@pytest.fixture
def netforge_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """Starts services in processes of their own, on real ports: ``netforge_server("echo", idle=5)``.

    They end with the test, which fails if one of them does not end well.
    """
    from netforge.testing import ServerProcess  # noqa: PLC0415  see the top

    with ExitStack() as servers:

        def start(service: str, /, **settings: Any) -> ServerProcess:
            folder = tmp_path_factory.mktemp(service)
            return servers.enter_context(ServerProcess(service, settings, folder))

        yield start
