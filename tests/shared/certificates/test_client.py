"""Whom our clients believe."""

from __future__ import annotations

from pathlib import Path

import pytest
from OpenSSL import SSL
from service_identity import VerificationError

from netforge.shared.certificates.client import ClientTLS
from netforge.shared.certificates.contexts import client_context
from netforge.shared.certificates.credential import read_credential
from netforge.shared.certificates.store import CLIENT_LIFETIME
from netforge.testing import Network, Peer
from tests.shared.certificates.conftest import DAY, ECHO, START, Issuer, Secure, Secured

WEB = '[shared.certificates.files.web]\ncertificate = "web.pem"\n'


@pytest.fixture
def web(secured: Secure, issuer: Issuer, tmp_path: Path) -> Secured:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test", "*.web.test"))
    return secured(ECHO + WEB)


def believing(hostname: str, issuer: Issuer) -> ClientTLS:
    return ClientTLS(hostname, client_context([issuer.certificate], None, system=False))


def refused(peer: Peer) -> BaseException:
    """Why the client will have nothing to do with the server."""
    peer.send(b"secret")
    assert peer.receive_all() == b""
    assert peer._end.lost is not None
    assert peer._end.lost.value is not None
    return peer._end.lost.value


@pytest.mark.parametrize("hostname", ["web.test", "WEB.test", "a.web.test"])
def test_who_has_a_certificate_for_the_name_is_believed(web: Secured, issuer: Issuer, hostname: str) -> None:
    web.shown(creator=believing(hostname, issuer))


@pytest.mark.parametrize("hostname", ["other.test", "a.b.web.test", "10.0.0.1", "::1"])
def test_who_has_one_for_another_name_is_not(web: Secured, issuer: Issuer, hostname: str) -> None:
    assert isinstance(refused(web.connect(creator=believing(hostname, issuer))), VerificationError)


def test_who_has_one_of_an_unknown_authority_is_not(web: Secured) -> None:
    assert isinstance(refused(web.connect(creator=believing("web.test", Issuer()))), SSL.Error)
    assert isinstance(refused(web.connect("web.test")), SSL.Error)


def test_who_has_one_that_has_expired_is_not(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test", begin=START - 3 * DAY, days=2))
    host = secured(ECHO + WEB)
    assert isinstance(refused(host.connect(creator=believing("web.test", issuer))), SSL.Error)


def test_an_international_name_is_compared_in_its_ascii_form(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("xn--bcher-kva.test"))
    secured(ECHO + WEB).shown(creator=believing("bücher.test", issuer))


def test_the_own_authority_is_believed_for_addresses_too(secured: Secure) -> None:
    host = secured(ECHO)
    host.shown("localhost")
    host.shown(host.lab.machine.address)
    assert isinstance(refused(host.connect("10.0.0.77")), VerificationError)


def test_the_own_authority_is_not_believed_where_only_the_systems_count(secured: Secure) -> None:
    host = secured(ECHO)
    system = host.certificates.client("localhost", authorities="system")
    assert isinstance(refused(host.connect(creator=system)), SSL.Error)
    host.shown(creator=host.certificates.client("localhost", authorities="both"))


def test_the_systems_roots_are_read_once_an_hour(secured: Secure, network: Network) -> None:
    certificates = secured(ECHO).certificates
    first, second = certificates.client("one.test"), certificates.client("two.test")
    assert first._context is second._context is not certificates.client("one.test", authorities="own")._context
    network.run(CLIENT_LIFETIME + 1)
    assert certificates.client("one.test")._context is not first._context


def test_a_client_shows_the_certificate_that_was_renewed(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test"))
    certificates = secured(ECHO + WEB).certificates
    before = certificates.client("localhost", certificate="web")
    pem = issuer.issue("web.test")
    certificates.put(read_credential("web", pem, pem))
    assert certificates.client("localhost", certificate="web")._context is not before._context


def test_a_certificate_that_is_not_there_cannot_be_shown(secured: Secure) -> None:
    with pytest.raises(LookupError, match="no certificate is called 'mine'; there are local"):
        secured(ECHO).certificates.client("localhost", certificate="mine")


def test_a_client_shows_its_certificate(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test", subject="CN=web"))
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    host = secured(f"""
[services.echo]
listen = [{{ address = "tcp:1", tls = true, client_certificates = "required", client_authority = "staff" }}]
[shared.certificates.authorities]
staff = "staff.pem"
{WEB}""")
    host.shown(creator=host.certificates.client("localhost", certificate="web"))
    assert isinstance(refused(host.connect("localhost")), SSL.Error)
