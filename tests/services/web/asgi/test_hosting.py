"""ASGI applications as places of a site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netforge.host import ServiceFailed
from netforge.services.web.asgi import ASGISettings
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab

APP = """
import asyncio, threading

imported_in = threading.current_thread().name
made_in = ""
lived = []

async def hello(scope, receive, send):
    if scope["type"] == "lifespan":
        for name in ("startup", "shutdown"):
            await receive()
            await asyncio.sleep(1)
            lived.append(name)
            await send({"type": f"lifespan.{name}.complete"})
        return
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": f"{scope['root_path']} {scope['path']} {lived}".encode()})

async def broken(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})

async def bare(scope, receive, send):
    assert scope["type"] == "http", "no lifespan"
    await hello(scope, receive, send)

class Shop:
    app = staticmethod(hello)

def make():
    global made_in
    made_in = threading.current_thread().name
    return hello
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module; forgotten after the test."""
    (tmp_path / "asgi_shop.py").write_text(APP)
    path = [*sys.path]
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("asgi_shop", None)


def settings(value: str) -> str:
    return f'[services.web]\nlisten = ["tcp:80"]\nsites.main.at."/shop".asgi = {value}\n'


def asked(lab: Any, path: str) -> bytes:
    peer = lab.connect("web")
    peer.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    said: bytes = peer.receive_all()
    return said.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("name", ["hello", "Shop.app", "make()"])
def test_an_application_of_the_settings_folder_lives_as_long_as_its_service(
    lab: MakeLab, folder: Path, name: str
) -> None:
    one = lab(settings(f'"asgi_shop:{name}"'))
    assert asked(one, "/shop/a") == b"/shop /shop/a ['startup']"
    module = sys.modules["asgi_shop"]
    one.stop()
    assert module.lived == ["startup", "shutdown"]
    assert module.imported_in.startswith("PoolThread")
    # What is made may belong to the loop.
    assert not module.made_in.startswith("PoolThread")


def test_an_application_of_another_folder(lab: MakeLab, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "asgi_shop.py").rename(folder / "code" / "asgi_shop.py")
    assert asked(lab(settings('{ app = "asgi_shop:hello", folder = "code" }')), "/shop") == b"/shop /shop ['startup']"


def test_a_start_that_fails_is_told_with_the_applications_message(lab: MakeLab, network: Network, folder: Path) -> None:
    with pytest.raises(ServiceFailed, match="the startup of the ASGI application failed: no database"):
        lab(settings('"asgi_shop:broken"'))
    network.failures.clear()


def test_whether_it_has_a_lifespan_is_a_setting(lab: MakeLab, network: Network, folder: Path) -> None:
    for value in ('"asgi_shop:bare"', '{ app = "asgi_shop:bare", lifespan = "off" }'):
        one = lab(settings(value))
        assert asked(one, "/shop").endswith(b"[]")
        one.stop()
    with pytest.raises(ServiceFailed, match="the ASGI application has no lifespan"):
        lab(settings('{ app = "asgi_shop:bare", lifespan = "on" }'))
    network.failures.clear()


@pytest.mark.parametrize(
    ("app", "message"), [("none:app", "No module named 'none'"), ("asgi_shop:none", "there is no none in asgi_shop")]
)
def test_an_application_that_is_not_there_is_an_error_of_the_start(
    lab: MakeLab, network: Network, folder: Path, app: str, message: str
) -> None:
    with pytest.raises(ServiceFailed, match=message):
        lab(settings(f'"{app}"'))
    network.failures.clear()


@pytest.mark.parametrize(
    "value", [{"app": "shop"}, {"app": "shop:"}, {"app": "a:b", "lifespan": "maybe"}, {"app": "a:b", "threads": 3}]
)
def test_settings_have_bounds(value: Any) -> None:
    with pytest.raises(ValidationError):
        ASGISettings.model_validate(value)
