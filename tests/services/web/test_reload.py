"""Reloads: no request is lost, and connections go over to the new settings."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netforge.host.errors import ServiceFailed
from netforge.plugin import Context, Listen, Parts, Settings, Stream, service
from netforge.testing import Network
from tests.services.web import applications
from tests.services.web.conftest import Sites

HERE = "tests.services.web.applications"
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SITE = "[services.web.sites.main]\nat.'/'.respond = 'one'\n"


def test_old_connections_have_one_more_response(sites: Sites, network: Network) -> None:
    web = sites(SITE)
    old, idle = web.connect(), web.connect()
    old.send(REQUEST)
    assert old.receive_until(b"one").startswith(b"HTTP/1.1 200 OK\r\n")
    change = web.lab.reload(web.settings.replace("'one'", "'two'"))
    assert change.replaced == ["web"]
    new = web.connect()
    new.send(REQUEST)
    assert b"\r\nconnection: close\r\n" not in new.receive_until(b"two")
    old.send(REQUEST)
    assert b"\r\nconnection: close\r\n" in old.receive_all()
    network.run(61)
    assert idle.closed
    assert not (old.cut or idle.cut)
    new.send(REQUEST)
    assert not web.lab.forge._tree._retired


def test_a_response_under_way_is_completed(sites: Sites, network: Network) -> None:
    web = sites(f"[services.web.sites.main]\nat.'/'.site = '{HERE}:trickle'\n")
    peer = web.connect()
    peer.send(REQUEST)
    peer.receive_until(b"\r\na\r\n")
    web.lab.reload(f"[services.web]\nlisten = ['tcp:80']\n{SITE}")
    network.run(10)
    assert web.ask().body == "one"
    network.schedule.soon(web.lab.machine, lambda: applications.waiting[-1].callback(None))
    assert peer.receive_until(b"0\r\n\r\n")


def test_many_reloads_keep_the_last_two(sites: Sites, network: Network) -> None:
    web = sites(SITE)
    for number in range(3):
        web.lab.reload(web.settings.replace("'one'", f"'{number}'"))
    parts: Any = [served.part for served in web.lab.forge._tree._instances["web"].served]
    before = parts[0].factory._before
    assert before is not None
    assert before._before is None


class FailingSettings(Settings):
    """Fails at the last moment."""

    listen: Listen = Listen("tcp:81")


@service("failing", FailingSettings)
def failing(settings: FailingSettings, context: Context) -> Parts:
    from twisted.internet.protocol import ServerFactory

    class Factory(ServerFactory):
        def startFactory(self) -> None:
            raise RuntimeError("not today")

    return [Stream(settings.listen, Factory())]


def test_a_reload_that_fails_leaves_connections_alone(sites: Sites, network: Network) -> None:
    web = sites(SITE, plugins=[failing])
    peer = web.connect()
    with pytest.raises(ServiceFailed, match="not today"):
        web.lab.reload(web.settings.replace("'one'", "'two'") + "[services.failing]\n")
    network.failures.clear()
    peer.send(REQUEST)
    assert b"\r\nconnection: close\r\n" not in peer.receive_until(b"one")
    web.lab.reload(web.settings.replace("'one'", "'two'"))
    peer.send(REQUEST)
    assert b"\r\nconnection: close\r\n" in peer.receive_all()


@pytest.mark.real
def test_no_request_is_lost_under_load(netforge_server: Callable[..., Any]) -> None:
    sites = {"main": {"at": {"/": {"respond": "hello"}}}}
    server = netforge_server("web", sites=sites)
    settings = Path(server._log).parent / "forge.toml"
    command = ["wrk", "-t1", "-c16", "-d60s", f"http://{server.host}:{server.port}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        for number in range(1, 7):
            time.sleep(0.2)
            settings.write_text(re.sub('"hello.*?"', f'"hello {number}"', settings.read_text()))
            server.reload()
            while server.log.count("replaced web") < number:
                time.sleep(0.05)
        load.send_signal(signal.SIGINT)
        said, _ = load.communicate(timeout=30)
    assert int(re.findall(r"(\d+) requests in", said)[0]) > 100
    assert "Socket errors" not in said
    assert "Non-2xx" not in said
