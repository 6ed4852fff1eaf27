"""Which certificate is shown to whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from netforge.host.errors import ServiceFailed
from netforge.host.settings import SettingsError
from netforge.plugin import TLSPolicy
from netforge.testing import Network
from tests.shared.certificates.conftest import ECHO, Issuer, Lax, Secure, handle


def addresses(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(address) for address in names.get_values_for_type(x509.IPAddress)]


def files(folder: Path, issuer: Issuer, **names: list[str]) -> str:
    """Certificates by name, each for these names; and the settings for them."""
    settings = ""
    for name, wanted in names.items():
        (folder / f"{name}.pem").write_bytes(issuer.issue(*wanted, subject=f"CN={name}"))
        settings += f'[shared.certificates.files.{name}]\ncertificate = "{name}.pem"\n'
    return settings


def test_without_any_settings_this_computer_is_vouched_for(secured: Secure) -> None:
    shown = secured(ECHO).shown("localhost")
    assert shown.issuer.rfc4514_string().startswith("CN=netforge local authority of ")


def test_the_private_address_that_a_client_connects_to_is_vouched_for(secured: Secure) -> None:
    host = secured(ECHO)
    assert addresses(host.shown(host.lab.machine.address)) == [host.lab.machine.address]


def test_addresses_of_everybody_else_are_not(secured: Secure) -> None:
    leaves = secured(ECHO).certificates.leaves
    assert leaves.find(None, "192.0.2.1") is None
    assert leaves.find(None, "") is None


def test_only_so_many_addresses_get_a_certificate(secured: Secure) -> None:
    leaves = secured(ECHO).certificates.leaves
    found = [leaves.find(None, f"10.1.{number}.1") for number in range(100)]
    assert None not in found[:60]
    assert set(found[64:]) == {None}
    assert leaves.find(None, "10.1.0.1") is found[0]


def test_names_are_vouched_for_when_somebody_asks(secured: Secure) -> None:
    host = secured(f'{ECHO}\n[shared.certificates]\nnames = ["Chat.example.org", "*.shop.example.org"]')
    one, two, three = (host.shown(name) for name in ("chat.example.org", "a.shop.example.org", "b.shop.example.org"))
    assert one != two == three


@pytest.mark.parametrize("name", ["other.example.org", "a.b.shop.example.org", "shop.example.org"])
def test_who_asks_for_another_name_gets_the_default(secured: Secure, name: str) -> None:
    host = secured(f'{ECHO}\n[shared.certificates]\nnames = ["*.shop.example.org"]')
    assert host.shown("localhost") == host.shown(creator=Lax(name))
    assert host.connect(name).receive_all() == b""


def test_the_exact_name_goes_before_the_wildcard_and_that_before_the_default(
    secured: Secure, issuer: Issuer, tmp_path: Path
) -> None:
    found = files(tmp_path, issuer, one=["one.test"], all=["*.one.test"], two=["two.test", "a.One.test"])
    host = secured(f'{ECHO}\n[shared.certificates]\ndefault = "two"\n{found}')
    assert host.subject("one.test") == host.subject("ONE.test") == "CN=one"
    assert host.subject("b.one.test") == "CN=all"
    assert host.subject("a.one.test") == host.subject("two.test") == "CN=two"
    assert host.subject() == host.subject("unknown.test") == host.subject("x.b.one.test") == "CN=two"
    assert host.subject("localhost") == "CN=netforge"


def test_the_first_that_is_listed_is_the_default(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    host = secured(ECHO + files(tmp_path, issuer, one=["same.test"], two=["same.test"]))
    assert host.subject() == host.subject("unknown.test") == host.subject("same.test") == "CN=one"


def test_a_listener_may_show_one_certificate_only(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    listen = 'listen = [{ address = "tcp:1", tls = true, certificate = "two" }]'
    found = files(tmp_path, issuer, one=["one.test"], two=["two.test"])
    host = secured(f"[services.echo]\n{listen}\n{found}")
    assert host.subject("one.test") == host.subject() == "CN=two"


def test_a_listener_may_show_what_the_local_authority_has_signed(
    secured: Secure, issuer: Issuer, tmp_path: Path
) -> None:
    listen = 'listen = [{ address = "tcp:1", tls = true, certificate = "local" }]'
    host = secured(f"[services.echo]\n{listen}\n{files(tmp_path, issuer, one=['one.test'])}")
    assert host.subject("one.test") == host.subject() == "CN=netforge"


def test_the_whole_chain_is_shown(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "web.pem").write_bytes(issuer.issue("web.test") + issuer.pem)
    host = secured(f'{ECHO}\n[shared.certificates.files.web]\ncertificate = "web.pem"')
    peer = host.connect(creator=Lax("web.test"))
    peer.send(b"?")
    peer.receive(1)
    assert [one.issuer for one in handle(peer).get_peer_cert_chain(as_cryptography=True)] == [issuer.name] * 2


def test_a_certificate_that_is_not_there_is_an_error_that_names_those_that_are(
    secured: Secure, network: Network, issuer: Issuer, tmp_path: Path
) -> None:
    listen = 'listen = [{ address = "tcp:1", tls = true, certificate = "too" }]'
    with pytest.raises(ServiceFailed, match="no certificate is called 'too'; there are one, two, local"):
        secured(f"[services.echo]\n{listen}\n{files(tmp_path, issuer, one=['one.test'], two=['two.test'])}")
    network.failures.clear()


def test_an_authority_that_is_not_there_is_an_error(secured: Secure) -> None:
    certificates = secured(ECHO).certificates
    with pytest.raises(LookupError, match="no authority of client certificates is called 'staff'; there are none"):
        certificates.server(TLSPolicy(client="required", authority="staff"))


def test_ciphers_that_openssl_does_not_know_are_an_error(secured: Secure) -> None:
    with pytest.raises(ValueError, match="no cipher match"):
        secured(ECHO).certificates.server(TLSPolicy(ciphers="ROT13"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('default = "web"', "no certificate is called 'web'"),
        ('names = ["bücher.example"]', "expected names in ASCII"),
        ('files.local = { certificate = "a.pem" }', "the local authority is called so"),
    ],
)
def test_settings_that_do_not_fit_are_told_of(secured: Secure, settings: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        secured(f"[shared.certificates]\n{settings}")


def test_a_name_that_the_authority_was_not_made_for_is_an_error_that_says_what_to_do(
    secured: Secure, network: Network
) -> None:
    secured(ECHO)
    with pytest.raises(ServiceFailed, match=r"may not vouch for it: remove that file"):
        secured('[shared.certificates]\nnames = ["bank.example"]', machine="another")
    network.failures.clear()
