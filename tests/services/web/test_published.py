"""The pages of other services."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netforge.host.errors import ServiceFailed
from netforge.host.settings import SettingsError
from netforge.plugin import Context, Field, IPages, Parts, Settings, Task, service
from netforge.protocols.http import Exchange, path_of
from netforge.testing import Network
from tests.services.web.conftest import Sites, Web

if TYPE_CHECKING:
    from netforge.testing.pytest_plugin import MakeLab

SITES = """
[services.web.sites.main]
at."/of/diary".service = "diary"
at."/".service = { name = "diary" }
"""


class DiarySettings(Settings):
    """A service with pages."""

    day: str = Field("Monday", description="what they say")
    broken: bool = Field(False, description="whether it does not start")


@service("diary", DiarySettings, needs=[IPages])
def diary(settings: DiarySettings, context: Context) -> Parts:
    """Says what day it is, and where."""

    def show(exchange: Exchange) -> None:
        path = path_of(exchange.request.target)[len(exchange.mount) :]
        exchange.respond(200, (), f"{settings.day}|{exchange.mount}|{path}".encode())

    def fail() -> None:
        if settings.broken:
            raise RuntimeError("no pen")

    return [context[IPages].publish(context.name, show), Task(fail, lambda: None, "the pen")]


def test_they_are_shown_wherever_they_are_mounted(sites: Sites) -> None:
    web = sites(f"{SITES}\n[services.diary]\n", plugins=[diary])
    assert web.ask("/of/diary/x").body == "Monday|/of/diary|/x"
    assert web.ask("/x").body == "Monday||/x"


def test_without_the_service_they_are_missing(sites: Sites) -> None:
    web = sites(SITES, plugins=[diary])
    reply = web.ask()
    assert reply.status == 503
    assert reply.body == "503 Service Unavailable: the service diary does not run, or has no pages\n"


def test_they_come_change_and_go_with_reloads_that_leave_the_web_alone(sites: Sites, network: Network) -> None:
    web = sites(SITES, plugins=[diary])
    change = web.lab.reload(web.settings + "[services.diary]\n")
    assert (change.added, change.replaced, "web" in change.kept) == (["diary"], [], True)
    assert web.ask().body.startswith("Monday")
    web.lab.reload(web.settings + "[services.diary]\nday = 'Friday'\n")
    assert web.ask().body.startswith("Friday")
    with pytest.raises(ServiceFailed, match="no pen"):
        web.lab.reload(web.settings + "[services.diary]\nday = 'Sunday'\nbroken = true\n")
    network.failures.clear()
    assert web.ask().body.startswith("Friday")
    web.lab.reload(web.settings)
    assert web.ask().status == 503


def test_a_name_is_wanted(sites: Sites) -> None:
    with pytest.raises(SettingsError, match=r"service: expected at least 1 character"):
        sites("[services.web.sites.main]\nat.'/'.service = ''\n")


def test_the_example_of_the_documentation(lab: MakeLab, network: Network) -> None:
    examples = Path(__file__).parents[3] / "docs" / "examples"
    settings = (examples / "moon.toml").read_text().replace('"plugins"', f'"{examples}/plugins"')
    web = Web(lab(settings), network, settings)
    assert re.fullmatch(r"The moon is lit by \d+%\.\n", web.ask("/moon").body)
