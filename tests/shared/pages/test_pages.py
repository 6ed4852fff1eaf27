"""Pages of services: who is found under a name, and over reloads."""

from __future__ import annotations

from pathlib import Path

from zope.interface.verify import verifyObject

from netforge.plugin import IPages
from netforge.protocols.http import Exchange
from netforge.shared.pages import InProcessPages
from tests.shared.conftest import RunComponents


def one(exchange: Exchange) -> None:
    """An application."""


def other(exchange: Exchange) -> None:
    """Another one."""


def test_what_is_published_is_found_while_it_runs() -> None:
    pages = InProcessPages()
    assert verifyObject(IPages, pages)
    task = pages.publish("chat", one)
    assert pages.find("chat") is None
    task.start()
    assert pages.find("chat") is one
    assert pages.find("forum") is None
    task.stop()
    assert pages.find("chat") is None


def test_the_latest_is_found_and_after_it_the_one_before() -> None:
    pages = InProcessPages()
    first, second, third = (pages.publish("chat", application) for application in (one, other, one))
    first.start()
    second.start()
    assert pages.find("chat") is other
    second.stop()
    assert pages.find("chat") is one
    third.start()
    first.stop()
    assert pages.find("chat") is one
    third.stop()
    assert pages.find("chat") is None


def test_what_is_published_outlives_a_reload_that_replaces_the_component(
    components: RunComponents, tmp_path: Path
) -> None:
    running = components("", IPages)
    running[IPages].publish("user", one).start()
    change = running.lab.reload(f'[netforge]\nstate = "{tmp_path}/other"\n[services.user]\n')
    assert "pages" in change.replaced
    assert running[IPages].find("user") is one
