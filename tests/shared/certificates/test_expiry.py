"""How long certificates are still valid: in metrics, log and health."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, Logger

from netforge.shared.certificates import files, leaves
from netforge.shared.certificates.expiry import INTERVAL, ExpiryWatch
from netforge.shared.metrics.numbers import Numbers
from netforge.testing import Network
from tests.shared.certificates.conftest import DAY, ECHO, START, Issuer, Secure, told


class Watched:
    """A watch over certificates that a test sets."""

    def __init__(self, **expiries: datetime) -> None:
        self.expiries = expiries
        self.clock = Clock()
        self.clock.advance(START.timestamp())
        self.numbers = Numbers()
        self.watch = ExpiryWatch(lambda: self.expiries, self.numbers, self.clock, Logger(namespace="test"))
        self.watch.start()

    @property
    def metrics(self) -> str:
        """The metrics as Prometheus gets them."""
        return self.numbers.show("text/plain")[1].decode()

    def sleep(self, time: timedelta) -> None:
        for _ in range(int(time.total_seconds() / INTERVAL)):
            self.clock.advance(INTERVAL)


def test_two_weeks_ahead_it_is_warned_of_once_a_day(events: list[LogEvent]) -> None:
    watched = Watched(web=START + 15 * DAY)
    watched.sleep(0.9 * DAY)
    assert told(events, "certificate") == []
    watched.sleep(2.2 * DAY)
    assert told(events, "certificate") == [
        "certificate 'web' expires in 14 days, at 2026-01-16 00:00:00 UTC",
        "certificate 'web' expires in 13 days, at 2026-01-16 00:00:00 UTC",
        "certificate 'web' expires in 12 days, at 2026-01-16 00:00:00 UTC",
    ]
    assert {one["log_level"].name for one in events if one.get("event")} == {"warn"}


def test_that_it_has_expired_is_an_error(events: list[LogEvent]) -> None:
    watched = Watched(web=START - DAY, other=START + 100 * DAY)
    assert told(events, "certificate") == ["certificate 'web' has expired at 2025-12-31 00:00:00 UTC"]
    assert {one["log_level"].name for one in events if one.get("event")} == {"error"}
    with pytest.raises(ValueError, match=r"^expired: web$"):
        watched.watch.check()


def test_a_renewal_ends_the_warnings(events: list[LogEvent]) -> None:
    watched = Watched(web=START + DAY)
    watched.expiries["web"] = START + 90 * DAY
    watched.sleep(10 * DAY)
    assert len(told(events, "certificate")) == 1
    watched.watch.check()


def test_every_expiry_is_a_metric() -> None:
    watched = Watched(web=START + DAY, local=START + 2 * DAY)
    name = "netforge_certificate_expiry_timestamp_seconds"
    assert f'{name}{{certificate="web"}} 1.767312e+09' in watched.metrics
    assert f'{name}{{certificate="local"}} 1.7673984e+09' in watched.metrics
    watched.expiries["web"] = START + 3 * DAY
    watched.watch.look()
    assert f'{name}{{certificate="web"}} 1.7674848e+09' in watched.metrics


def test_the_store_tells_of_all_that_it_has(secured: Secure, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    host = secured(ECHO)
    before = host.certificates.expiries()
    assert set(before) == {"local", "authority"}
    monkeypatch.setattr(leaves, "RENEWED_AFTER", INTERVAL / 2)
    network.run(INTERVAL + 1)
    monkeypatch.undo()
    assert host.certificates.expiries()["local"] == before["local"] + timedelta(seconds=INTERVAL)


def test_a_certificate_that_has_expired_makes_the_component_unready_until_it_is_renewed(
    secured: Secure, network: Network, issuer: Issuer, tmp_path: Path
) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test", begin=START - 2 * DAY, days=1))
    host = secured(ECHO + '[shared.certificates.files.web]\ncertificate = "web.pem"')
    assert host.health["certificates"] == "ValueError: expired: web"
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test"))
    network.run(2 * files.INTERVAL)
    assert host.health["certificates"] == ""
    [line] = [line for line in host.metrics.splitlines() if 'expiry_timestamp_seconds{certificate="web"}' in line]
    assert float(line.split()[1]) == host.certificates.expiries()["web"].timestamp() > START.timestamp()
