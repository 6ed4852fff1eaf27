"""The client as a component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netforge.plugin import IOutbound, IReadings
from netforge.protocols.http import HTTPFactory
from netforge.shared.outbound.trust import believing
from tests.shared.conftest import RunComponents
from tests.shared.outbound.conftest import hello


def serve(network: Any) -> None:
    reactor = network.machine("elsewhere").reactor
    reactor.listenTCP(80, HTTPFactory(hello, reactor))


async def body(outbound: Any, url: str = "http://elsewhere/") -> bytes:
    reply = await outbound.request("GET", url)
    found: bytes = await reply.body(100)
    return found


def test_a_service_makes_requests(components: RunComponents) -> None:
    user = components("", IOutbound, IReadings)
    network = user.lab.machine.network
    serve(network)
    assert network.run_until(body(user[IOutbound])) == b"hello"
    with pytest.raises(ConnectionError):
        network.run_until(body(user[IOutbound], "http://nowhere/"))
    _, numbers = user[IReadings].numbers("text/plain")
    lines = numbers.decode().splitlines()
    assert 'netforge_outbound_requests_total{outcome="2xx"} 1.0' in lines
    assert 'netforge_outbound_requests_total{outcome="failed"} 1.0' in lines
    assert "netforge_outbound_response_seconds_count 1.0" in lines
    assert 'netforge_outbound_unfinished{state="under way"} 0.0' in lines


def test_settings_reach_the_client(components: RunComponents) -> None:
    user = components(
        """
        [shared.outbound]
        connections = 3
        agent = "ours/1"
        proxy = "http://ada:pass@proxy:3128"
        no_proxy = ["elsewhere"]
        timeouts = { total = 5 }
        untrusted = { ports = [8443], permitted = ["10.0.0.0/8"] }
        """,
        IOutbound,
    )
    rules = user[IOutbound].rules
    assert (rules.connections, rules.agent, rules.timeouts.total, rules.timeouts.connect) == (3, "ours/1", 5, 10)
    network = user.lab.machine.network
    serve(network)
    assert network.run_until(body(user[IOutbound])) == b"hello"


def test_a_file_without_authorities_is_named(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"root\.pem: "):
        believing(tmp_path / "root.pem")


@pytest.mark.parametrize(
    "settings",
    ['proxy = "socks5://x"', 'agent = "a\\nb"', 'authority = "x.pem"\nlocal_authority = true', "connections = 0"],
)
def test_settings_that_are_wrong(components: RunComponents, settings: str) -> None:
    with pytest.raises(Exception, match=r"shared\.outbound"):
        components(f"[shared.outbound]\n{settings}\n", IOutbound)
