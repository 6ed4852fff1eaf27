"""The log as a component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.logger import Logger

from netforge.host import ServiceFailed, SettingsError

if TYPE_CHECKING:
    from netforge.testing import Lab, Network
    from netforge.testing.pytest_plugin import MakeLab

LOG = '[shared.log]\nfile = "x.log"\nformat = "{}"\n[services.echo]\nlisten = ["tcp:7"]\n'


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def said(running: Lab, network: Network, tmp_path: Path) -> list[str]:
    """What two services and another package say on every level, as far as it is written."""
    for namespace in ("netforge.chat", "netforge.other", "twisted.web"):
        log = Logger(namespace=namespace)
        for level in ("debug", "info", "warn"):
            getattr(log, level)("probe " + level)
    running.stop()
    probes = [line for line in lines(tmp_path / "x.log") if line["message"].startswith("probe ")]
    return [f"{line['service']} {line['level']}" for line in probes]


class Asked:
    """Knows whether anybody has asked what it is."""

    asked = False

    def __str__(self) -> str:
        self.asked = True
        return "asked"


def test_events_are_written_until_it_stops(lab: MakeLab, network: Network, tmp_path: Path) -> None:
    running = lab(LOG.format("json"))
    running.connect("echo").close()
    network.run(1)
    running.stop()
    late = Asked()
    Logger(namespace="netforge.echo").info("too late: {late}", late=late)
    assert not late.asked
    written = lines(tmp_path / "x.log")
    [event] = [line for line in written if line.get("event") == "connection"]
    assert (event["service"], event["level"], event["reason"]) == ("echo", "info", "closed")
    assert event["time"].startswith("2026-01-01T00:00:0")
    assert not [line for line in written if "too late" in line["message"]]


def test_text_is_for_people_and_has_no_colour_in_a_file(lab: MakeLab, network: Network, tmp_path: Path) -> None:
    for form in ("text", "colour"):
        running = lab(LOG.format(form))
        Logger(namespace="netforge.echo").warn("hello")
        running.stop()
    assert [line.partition(" ")[2] for line in (tmp_path / "x.log").read_text().splitlines() if "hello" in line] == [
        "warn     echo: hello"
    ] * 2


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ("", ["chat info", "chat warn", "other info", "other warn", "twisted.web info", "twisted.web warn"]),
        ('level = "warn"', ["chat warn", "other warn", "twisted.web warn"]),
        (
            'level = "warn"\nlevels = { chat = "debug" }',
            ["chat debug", "chat info", "chat warn", "other warn", "twisted.web warn"],
        ),
        ('levels = { chat = "error" }', ["other info", "other warn", "twisted.web info", "twisted.web warn"]),
    ],
)
def test_levels_are_those_of_the_settings(
    lab: MakeLab, network: Network, tmp_path: Path, settings: str, written: list[str]
) -> None:
    running = lab(f'[shared.log]\nfile = "x.log"\nformat = "json"\n{settings}\n')
    assert said(running, network, tmp_path) == written


def test_a_reload_with_other_settings_writes_elsewhere(lab: MakeLab, network: Network, tmp_path: Path) -> None:
    running = lab(LOG.format("json"))
    running.reload(LOG.format("json").replace("x.log", "y.log"))
    Logger(namespace="netforge.echo").info("probe")
    running.stop()
    assert "probe" not in (tmp_path / "x.log").read_text()
    assert [line["message"] for line in lines(tmp_path / "y.log")].count("probe") == 1


def test_a_folder_that_is_not_there_starts_nothing(lab: MakeLab, network: Network) -> None:
    with pytest.raises(ServiceFailed, match=r"there is no folder .*/nodir"):
        lab('[shared.log]\nfile = "nodir/x.log"\n')
    network.failures.clear()


def test_a_level_that_is_none_is_an_error(lab: MakeLab) -> None:
    with pytest.raises(SettingsError, match=r"log\.levels\.chat"):
        lab('[shared.log]\nlevels = { chat = "loud" }\n')
