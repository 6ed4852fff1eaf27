"""The component: what it offers, and what outlives a reload."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from netforge.plugin import IHealth, IMetrics, IReadings

if TYPE_CHECKING:
    from netforge.testing import Network
    from tests.shared.conftest import RunComponents


def refuse() -> None:
    raise OSError("no")


def test_it_offers_metrics_and_checks_and_shows_both(components: RunComponents, network: Network) -> None:
    running = components("", IMetrics, IHealth, IReadings)
    running[IMetrics].gauge("netforge_some", "Some").set(3)
    running[IHealth].watch("disk", refuse)
    assert b"netforge_some 3.0" in running[IReadings].numbers("")[1]
    health: Deferred[Mapping[str, str]] = Deferred.fromCoroutine(running[IReadings].health())
    assert network.run_until(health) == {"disk": "OSError: no"}


def test_numbers_and_checks_outlive_a_reload_that_replaces_it(components: RunComponents, tmp_path: Path) -> None:
    running = components("", IMetrics, IHealth, IReadings)
    running[IMetrics].counter("netforge_some_total", "Some").inc()
    metrics, health = running[IMetrics], running[IHealth]
    change = running.lab.reload(f'[netforge]\nstate = "{tmp_path}/other"\n[services.user]\n')
    assert "metrics" in change.replaced
    assert (running[IMetrics], running[IHealth]) == (metrics, health)
    assert b"netforge_some_total 1.0" in running[IReadings].numbers("")[1]
