"""Resources and Klein applications as places of a site."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netforge.host import ServiceFailed
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab

MODULE = """
from twisted.web.resource import Resource

class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"%b in %b" % (b"/".join(request.postpath), b"/".join(request.prepath))

    def render_POST(self, request):
        return b"%d" % len(request.content.read())

    def render_PUT(self, request):
        request.getSession()
        return b""

class Klein:
    def resource(self):
        return Page()

page = Page()
klein = Klein()
nothing = 7
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path) -> Iterator[None]:
    """A module in the settings' folder; forgotten after the test."""
    (tmp_path / "resource_pages.py").write_text(MODULE)
    path = [*sys.path]
    yield
    sys.path[:] = path
    sys.modules.pop("resource_pages", None)


def settings(app: str) -> str:
    return f'[services.web]\nlisten = ["tcp:80"]\nsites.main.at."/shop".resource = "resource_pages:{app}"\n'


@pytest.mark.parametrize("app", ["page", "Page()", "klein", "klein.resource()"])
def test_a_resource_of_the_settings_folder(lab: MakeLab, app: str) -> None:
    peer = lab(settings(app)).connect("web")
    peer.send(b"GET /shop/a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert peer.receive_all().endswith(b"\r\n\r\na/b in shop")


def test_its_bodies_are_as_large_as_those_of_its_site(lab: MakeLab) -> None:
    one = lab(settings("page") + "sites.main.body = 11000000\n")
    peer = one.connect("web")
    body = b"x" * 10_900_000
    peer.send(b"POST /shop HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10900000\r\n\r\n" + body)
    assert peer.receive_all().endswith(b"\r\n\r\n10900000")


def test_its_sessions_end_with_it(lab: MakeLab, network: Network) -> None:
    one = lab(settings("page"))
    peer = one.connect("web")
    peer.send(b"PUT /shop HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"TWISTED_SESSION_shop=" in peer.receive_all()
    one.stop()
    assert not network.machine("server").reactor.getDelayedCalls()


def test_what_is_no_resource_fails_the_start(lab: MakeLab, network: Network) -> None:
    with pytest.raises(ServiceFailed, match="resource_pages:nothing is 7: expected a resource"):
        lab(settings("nothing"))
    network.failures.clear()
