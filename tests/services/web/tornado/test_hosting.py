"""Applications of Tornado's as places of a site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from netforge.host import ServiceFailed
from netforge.plugin import Context
from netforge.reactor.anyloop import loop_of
from netforge.services.web.tornado import TornadoApplication, TornadoSettings, host_tornado
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab
from tests.conftest import Drive
from tests.services.web.loops import Serving

pytest.importorskip("tornado")

APP = """
import asyncio, threading
from tornado.web import Application, RequestHandler

imported_in = threading.current_thread().name

class Hello(RequestHandler):
    def get(self):
        self.write(f"{self.request.path}")

app = Application([("/shop/hello", Hello)])

def make():
    asyncio.get_running_loop()
    return app
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module; forgotten after the test."""
    (tmp_path / "tornado_shop.py").write_text(APP)
    path = [*sys.path]
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("tornado_shop", None)


def context_of(reactor: Any) -> Context:
    """What an application is given of its surroundings."""
    return cast(Context, SimpleNamespace(reactor=reactor, clock=reactor, loop=loop_of(reactor)))


@pytest.mark.real
@pytest.mark.parametrize("name", ["app", "make()"])
def test_an_application_is_imported_when_it_starts(drive_loop: Drive, folder: Path, name: str) -> None:
    async def scenario(reactor: Any) -> None:
        settings = TornadoSettings(app=f"tornado_shop:{name}", folder=folder)
        hosted = host_tornado(settings, context_of(reactor))
        [task] = hosted.tasks
        assert "tornado_shop" not in sys.modules
        await cast(Any, task.start())
        assert sys.modules["tornado_shop"].imported_in.startswith("PoolThread")
        serving = Serving(reactor, hosted.application)
        # Its routes say the whole path, wherever it is mounted.
        assert await serving.curl("/shop/hello") == b"/shop/hello"
        await serving.stop()
        assert task.stop() is None

    drive_loop(scenario)


def test_a_reactor_without_an_asyncio_loop_is_an_error_of_the_start(
    lab: MakeLab, network: Network, folder: Path
) -> None:
    with pytest.raises(ServiceFailed, match="needs a real asyncio loop: start with --reactor=forge"):
        lab('[services.web]\nlisten = ["tcp:80"]\nsites.main.at."/".tornado = "tornado_shop:app"\n')
    network.failures.clear()


def test_without_tornado_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netforge.services.web.tornado.serving", None)
    with pytest.raises(ImportError, match=r"Tornado is not installed: pip install 'netforge\[tornado\]'"):
        TornadoApplication(cast(Any, None), cast(Any, None))


@pytest.mark.parametrize("value", [{"app": "shop"}, {"app": "a:b", "max_body": -1}, {"app": "a:b", "threads": 3}])
def test_settings_have_bounds(value: Any) -> None:
    with pytest.raises(ValidationError):
        TornadoSettings.model_validate(value)
