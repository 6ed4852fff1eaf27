"""TLS-ALPN-01 (RFC 8737): who validates a name is shown the proof, and everybody else what they always are."""

from __future__ import annotations

import pytest

from tests.shared.certificates.conftest import ECHO, Issuer, Lax, Secure, Secured, handle


@pytest.fixture
def host(secured: Secure, issuer: Issuer) -> Secured:
    host = secured(ECHO)
    host.certificates.challenges["web.test"] = issuer.issue("web.test", subject="CN=proof")
    return host


def subject(host: Secured, creator: Lax) -> str:
    return host.shown(creator=creator).subject.rfc4514_string()


def test_who_validates_a_name_is_shown_the_proof(host: Secured) -> None:
    peer = host.connect(creator=Lax("Web.test", [b"acme-tls/1"]))
    peer.send(b"?")
    peer.receive(1)
    assert handle(peer).get_peer_certificate(as_cryptography=True).subject.rfc4514_string() == "CN=proof"
    assert handle(peer).get_alpn_proto_negotiated() == b"acme-tls/1"


@pytest.mark.parametrize(
    "creator", [Lax("web.test"), Lax("web.test", [b"http/1.1"]), Lax("other.test", [b"acme-tls/1"])]
)
def test_everybody_else_is_not(host: Secured, creator: Lax) -> None:
    assert subject(host, creator) == "CN=netforge"


def test_when_the_name_is_validated_nobody_is_shown_the_proof(host: Secured) -> None:
    del host.certificates.challenges["web.test"]
    assert subject(host, Lax("web.test", [b"acme-tls/1"])) == "CN=netforge"


def test_the_proof_is_found_in_a_hello_that_comes_in_pieces(host: Secured) -> None:
    host.lab.machine.network.link("client", host.lab.machine, mtu=100)
    assert subject(host, Lax("web.test", [b"acme-tls/1"])) == "CN=proof"
