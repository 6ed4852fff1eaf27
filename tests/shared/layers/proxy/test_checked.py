"""What should hold for every server, of one behind proxies; and what no simulated network has."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv6Address
from twisted.internet.protocol import Factory, Protocol

from netforge.protocols.echo import EchoFactory
from netforge.protocols.proxyheader import Endpoint, Header, encode_v1, encode_v2
from netforge.shared.layers.proxy import ProxyKeys, proxy
from netforge.testing import check_protocol
from tests.shared.layers.limits.conftest import Surroundings

LISTENER = "tcp:0.0.0.0:7"
HEADER = Header(Endpoint("203.0.113.7", 50_000), Endpoint("198.51.100.1", 443))


@pytest.mark.parametrize("header", [encode_v1(HEADER), encode_v2(HEADER, checksum=True)], ids=["1", "2"])
def test_an_echo_behind_proxies(header: bytes) -> None:
    def make(reactor: Any) -> Any:
        keys = ProxyKeys(proxy_from=["0.0.0.0/0"])
        return proxy.wrap_stream(EchoFactory(reactor), keys, Surroundings(reactor).listener())

    check_protocol(make, [header + b"hello"], runs=10)


def test_a_socket_for_both_versions_of_ip_knows_its_proxies_and_counts_the_others() -> None:
    surroundings = Surroundings()
    keys = ProxyKeys(proxy_from=["10.0.0.0/8"])
    factory: Any = proxy.wrap_stream(Factory.forProtocol(Protocol), keys, surroundings.listener(LISTENER))
    assert factory.buildProtocol(IPv6Address("TCP", "::ffff:10.0.0.1", 1)) is not None
    assert factory.buildProtocol(IPv6Address("TCP", "::ffff:192.0.2.1", 1)) is None
    assert surroundings.numbers.values["netforge_proxy_refused_total", "service", LISTENER, "untrusted"] == 1
