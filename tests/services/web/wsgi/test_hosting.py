"""WSGI applications as places of a site."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netforge.host import ServiceFailed
from netforge.services.web.modules import load
from netforge.services.web.wsgi import WSGISettings
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab

APP = """
import threading

def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']} in {threading.current_thread().name}".encode()]

imported_in = threading.current_thread().name
go_on = threading.Event()

def hang(environ, start_response):
    go_on.wait()
    return hello(environ, start_response)

class Shop:
    app = staticmethod(hello)

def make():
    return hello
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module; forgotten after the test."""
    (tmp_path / "wsgi_shop.py").write_text(APP)
    path, modules = [*sys.path], {*sys.modules}
    yield tmp_path
    sys.path[:] = path
    for name in {*sys.modules} - modules:
        if name.startswith("wsgi_shop"):
            del sys.modules[name]


def settings(value: str) -> str:
    return f'[services.web]\nlisten = ["tcp:80"]\nsites.main.at."/shop".wsgi = {value}\n'


def asked(lab: Any, path: str) -> bytes:
    peer = lab.connect("web")
    peer.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    said: bytes = peer.receive_all()
    return said


@pytest.mark.parametrize("name", ["hello", "Shop.app", "make()"])
def test_an_application_of_the_settings_folder(lab: MakeLab, folder: Path, name: str) -> None:
    said = asked(lab(settings(f'"wsgi_shop:{name}"')), "/shop/a")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.partition(b"\r\n\r\n")[2].startswith(b"/shop /a in wsgi-")
    assert sys.modules["wsgi_shop"].imported_in.startswith("PoolThread")


def test_an_application_of_another_folder(lab: MakeLab, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "wsgi_shop.py").rename(folder / "code" / "wsgi_shop.py")
    one = lab(settings('{ app = "wsgi_shop:hello", folder = "code", threads = 2 }'))
    assert asked(one, "/shop").partition(b"\r\n\r\n")[2].startswith(b"/shop  in ")
    assert sum(thread.name.startswith("wsgi-") for thread in threading.enumerate()) == 2
    one.stop()
    assert not any(thread.name.startswith("wsgi-") for thread in threading.enumerate())


@pytest.mark.parametrize("name", ["wsgi_shop:missing", "wsgi_shop_missing:app"])
def test_an_application_that_is_not_there_fails_the_start(
    lab: MakeLab, network: Network, folder: Path, name: str
) -> None:
    with pytest.raises(ServiceFailed, match="missing"):
        lab(settings(f'"{name}"'))
    network.failures.clear()


def test_an_application_that_hangs_does_not_hold_the_end_up(lab: MakeLab, folder: Path) -> None:
    one = lab(settings('"wsgi_shop:hang"'))
    peer = one.connect("web")
    peer.send(b"GET /shop HTTP/1.1\r\nHost: a\r\n\r\n")
    one.machine.network.run(1)
    # The drain of connections, and what threads are given after it.
    assert one.stop() == pytest.approx(30 + 5, abs=1)
    sys.modules["wsgi_shop"].go_on.set()


def test_two_modules_of_one_name_are_told_apart(folder: Path) -> None:
    (folder / "json.py").write_text("app = None")
    with pytest.raises(ImportError, match=r"json is .*, and not that in .*: give that another name"):
        load("json:app", folder)
    (folder / "wsgi_shop_package").mkdir()
    (folder / "wsgi_shop_package" / "__init__.py").write_text("")
    (folder / "wsgi_shop_package" / "inner.py").write_text("app = 7")
    assert load("wsgi_shop_package.inner:app", folder) == 7
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize("app", ["shop", "shop:", ":app", "shop:app(1)", "shop/x:app", "shop..x:app"])
def test_what_names_no_application_is_refused(app: str) -> None:
    with pytest.raises(ValidationError):
        WSGISettings(app=app)
