"""Upstreams that speak TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.ssl import PrivateCertificate
from twisted.logger import LogEvent

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.testing import Network
from tests.services.web.proxy.conftest import HOST, Proxied, get, response
from tests.shared.certificates.conftest import Issuer

Make = Callable[..., Proxied]

# Twisted's own calls of pyOpenSSL.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


@pytest.fixture
def issuer() -> Issuer:
    """An authority, which is not the system's."""
    return Issuer()


@pytest.fixture
def authority(issuer: Issuer, tmp_path: Path) -> Path:
    """The file of authorities: it, after another one."""
    path = tmp_path / "authorities.pem"
    path.write_bytes(b"# two\n" + Issuer("other").pem + issuer.pem)
    return path


def serve(network: Network, certificate: bytes) -> list[Exchange]:
    """An upstream that shows a certificate; what it is asked."""
    asked: list[Exchange] = []

    def application(exchange: Exchange) -> None:
        asked.append(exchange)
        exchange.respond(200, [], b"hello")

    reactor: Any = network.machine("secure").reactor
    reactor.listenSSL(443, HTTPFactory(application, reactor), PrivateCertificate.loadPEM(certificate).options())
    return asked


def test_an_upstream_that_proves_itself_is_asked(
    proxied: Make, network: Network, issuer: Issuer, authority: Path
) -> None:
    asked = serve(network, issuer.issue("secure"))
    proxy = proxied(to=["https://secure"], tls={"authority": authority})
    peer = proxy.connect()
    for _ in range(2):
        peer.send(get())
        assert response(peer) == (200, b"hello")
    assert asked[0].transport is asked[1].transport


def test_it_may_have_another_name(proxied: Make, network: Network, issuer: Issuer, authority: Path) -> None:
    serve(network, issuer.issue("inner.test"))
    proxy = proxied(to=["https://secure"], tls={"authority": authority, "name": "inner.test"})
    assert response(proxy.ask(get()))[0] == 200


@pytest.mark.parametrize("name", ["secure", "else.test"])
def test_one_that_does_not_is_sent_nothing(
    proxied: Make, network: Network, authority: Path, issuer: Issuer, name: str, events: list[LogEvent]
) -> None:
    # By the wrong authority, or for the wrong name.
    asked = serve(network, (Issuer() if name == "secure" else issuer).issue(name))
    proxy = proxied(to=["https://secure"], tls={"authority": authority})
    for data in (get(), b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"):
        assert response(proxy.ask(data))[0] == 502
    assert asked == []
    [*_, said] = [str(event["error"]) for event in events if "error" in event]
    assert "verif" in said.lower() or "mismatch" in said.lower()


def test_the_systems_authorities_are_believed_otherwise(proxied: Make, network: Network, issuer: Issuer) -> None:
    serve(network, issuer.issue("secure"))
    assert response(proxied(to=["https://secure"]).ask(get()))[0] == 502


def test_a_handshake_that_never_ends_is_a_504(proxied: Make, network: Network) -> None:
    proxy = proxied(None, to=["https://one:8000"], connect=3)
    peer = proxy.ask(get())
    network.run(2)
    assert peer.received == b""
    assert response(peer)[0] == 504
    assert proxy.one.connections[0].lost


def test_a_file_without_certificates_is_refused(proxied: Make, tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="expected certificates"):
        proxied(to=["https://secure"], tls={"authority": path})
