"""What is known of a connection over TLS, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent
from zope.interface import implementer

from netforge.plugin import Connection, Context, Listen, Parts, Settings, Stream, service
from netforge.shared.certificates.credential import read_credential
from netforge.shared.certificates.handshakes import PATIENCE
from netforge.shared.certificates.server import TICKET_KEY_LIFETIME
from netforge.testing import Network, Peer
from tests.shared.certificates.conftest import DAY, ECHO, START, Issuer, Lax, Secure, Secured, handle, told

STAFF = """
[services.tell]
listen = {{ address = "tcp:7000", tls = true, client_certificates = "{}", client_authority = "staff" }}
[shared.certificates.authorities]
staff = "staff.pem"
"""
TLS_1_2 = SSL.TLS1_2_VERSION


class Tell(Protocol):
    """Answers anything by what is known of the connection."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        known = Connection.of(self.transport)
        self.transport.write(f"{known.tls}|{known.identity}\n".encode())


@implementer(IProtocolNegotiationFactory)
class TellFactory(Factory[Tell]):
    noisy = False
    protocol = Tell

    def acceptableProtocols(self) -> list[bytes]:
        return [b"tell/2", b"tell/1"]


class TellSettings(Settings):
    """Tells."""

    listen: Listen = Listen("tcp:7000", {"tls": True})


@service("tell", TellSettings)
def tell(settings: TellSettings, context: Context) -> Parts:
    return [Stream(settings.listen, TellFactory())]


@pytest.fixture
def telling(secured: Secure) -> Callable[..., Secured]:
    return lambda settings="[services.tell]": secured(settings, plugins=[tell])


def told_to(peer: Peer) -> str:
    """What is known of a client."""
    peer.send(b"?")
    return peer.receive_until(b"\n").decode().strip()


def reason(peer: Peer) -> str:
    """Why the client says that its connection has ended."""
    peer.receive_all()
    assert peer._end.lost is not None
    return str(peer._end.lost.value)


def test_what_was_agreed_on_is_known(telling: Secure) -> None:
    host = telling()
    agreed = told_to(host.connect(name="tell", creator=Lax("localhost", [b"tell/1"])))
    assert agreed == (
        "TLSState(version='TLSv1.3', cipher='TLS_AES_256_GCM_SHA384', alpn='tell/1', server_name='localhost')|None"
    )
    agreed = told_to(host.connect(name="tell", creator=Lax(maximum=TLS_1_2)))
    assert agreed == (
        "TLSState(version='TLSv1.2', cipher='ECDHE-ECDSA-AES256-GCM-SHA384', alpn=None, server_name=None)|None"
    )


@pytest.mark.parametrize(
    ("offered", "chosen"), [([b"tell/1", b"tell/2"], "'tell/2'"), ([b"http/1.1", b"tell/1"], "'tell/1'")]
)
def test_the_server_chooses_the_application_protocol(telling: Secure, offered: list[bytes], chosen: str) -> None:
    peer = telling().connect(name="tell", creator=Lax(alpn=offered))
    assert f"alpn={chosen}" in told_to(peer)


def test_who_speaks_none_of_the_application_protocols_is_refused(telling: Secure, events: list[LogEvent]) -> None:
    peer = telling().connect(name="tell", creator=Lax(alpn=[b"http/1.1"]))
    assert "no application protocol" in reason(peer)
    [event] = told(events, "tls")
    assert event.endswith("failed: the client speaks none of our application protocols")


def test_a_service_without_application_protocols_ignores_what_is_offered(secured: Secure) -> None:
    secured(ECHO).shown(creator=Lax(alpn=[b"http/1.1"]))


@pytest.mark.parametrize("maximum", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_old_versions_are_refused(telling: Secure, maximum: int) -> None:
    peer = telling().connect(name="tell", creator=Lax(maximum=maximum, ciphers="ALL:@SECLEVEL=0"))
    assert "protocol version" in reason(peer)


def test_a_listener_may_refuse_tls_1_2(telling: Secure) -> None:
    host = telling('[services.tell]\nlisten = { address = "tcp:7000", tls = true, tls_minimum = "1.3" }')
    assert "protocol version" in reason(host.connect(name="tell", creator=Lax(maximum=TLS_1_2)))
    assert "TLSv1.3" in told_to(host.connect(name="tell"))


@pytest.mark.parametrize("ciphers", ["AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES256-GCM-SHA384"])
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(telling: Secure, ciphers: str) -> None:
    peer = telling().connect(name="tell", creator=Lax(maximum=TLS_1_2, ciphers=ciphers))
    assert "handshake failure" in reason(peer)


def test_the_server_prefers_its_own_ciphers(telling: Secure) -> None:
    ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    peer = telling().connect(name="tell", creator=Lax(maximum=TLS_1_2, ciphers=ciphers))
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in told_to(peer)


def test_a_client_certificate_is_an_identity(telling: Secure, issuer: Issuer, tmp_path: Any) -> None:
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    host = telling(STAFF.format("required"))
    pem = issuer.issue(subject="CN=ada,O=staff")
    peer = host.connect(name="tell", creator=Lax("localhost", credential=read_credential("ada", pem, pem)))
    assert told_to(peer).endswith("|CN=ada,O=staff")
    assert [str(one.decode()) for name in handle(peer).get_client_ca_list() for _, one in name.get_components()] == [
        "somebody"
    ]


def test_who_needs_no_certificate_is_nobody(telling: Secure, issuer: Issuer, tmp_path: Any) -> None:
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    assert told_to(telling(STAFF.format("optional")).connect(name="tell")).endswith("|None")


@pytest.mark.parametrize("required", ["required", "optional"])
@pytest.mark.parametrize("flaw", ["none", "another authority", "expired", "not yet valid"])
def test_a_client_certificate_that_is_no_good_is_refused(
    telling: Secure, issuer: Issuer, tmp_path: Any, required: str, flaw: str, events: list[LogEvent]
) -> None:
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    host = telling(STAFF.format(required))
    pem = {
        "none": lambda: None,
        "another authority": lambda: Issuer().issue(subject="CN=eve"),
        "expired": lambda: issuer.issue(subject="CN=eve", begin=START - 30 * DAY, days=29),
        "not yet valid": lambda: issuer.issue(subject="CN=eve", begin=START + DAY, days=400),
    }[flaw]()
    credential = None if pem is None else read_credential("eve", pem, pem)
    peer = host.connect(name="tell", creator=Lax("localhost", credential=credential))
    peer.send(b"?")
    if flaw == "none" and required == "optional":
        assert peer.receive_until(b"\n").endswith(b"|None\n")
    else:
        assert peer.receive_all() == b""
        assert len(told(events, "tls")) == 1


@pytest.mark.parametrize(("later", "resumed"), [(TICKET_KEY_LIFETIME / 100, True), (TICKET_KEY_LIFETIME + 1, False)])
def test_a_session_is_resumed_as_long_as_the_key_of_its_ticket_lasts(
    telling: Secure, network: Network, later: float, resumed: bool
) -> None:
    host = telling()
    creator = Lax("localhost", maximum=TLS_1_2)
    first = host.connect(name="tell", creator=creator)
    told_to(first)
    secret, creator.session = handle(first).master_key(), handle(first).get_session()
    first.close()
    network.run(later)
    again = host.connect(name="tell", creator=creator)
    told_to(again)
    # A resumed session has the secret of the first one (RFC 5246, section 8.1).
    assert (handle(again).master_key() == secret) is resumed


def test_no_session_is_kept_for_a_client_that_takes_no_ticket(telling: Secure) -> None:
    host = telling()
    creator = Lax("localhost", maximum=TLS_1_2)
    creator._context.set_options(SSL.OP_NO_TICKET)
    first = host.connect(name="tell", creator=creator)
    told_to(first)
    secret, creator.session = handle(first).master_key(), handle(first).get_session()
    first.close()
    again = host.connect(name="tell", creator=creator)
    told_to(again)
    assert handle(again).master_key() != secret


def test_a_client_that_showed_a_certificate_shows_it_again(telling: Secure, issuer: Issuer, tmp_path: Any) -> None:
    (tmp_path / "staff.pem").write_bytes(issuer.pem)
    host = telling(STAFF.format("required"))
    pem = issuer.issue(subject="CN=ada")
    creator = Lax(maximum=TLS_1_2, credential=read_credential("ada", pem, pem))
    first = host.connect(name="tell", creator=creator)
    told_to(first)
    secret, creator.session = handle(first).master_key(), handle(first).get_session()
    first.close()
    again = host.connect(name="tell", creator=creator)
    assert told_to(again).endswith("|CN=ada")
    assert handle(again).master_key() != secret


def test_a_handshake_has_a_deadline(telling: Secure, network: Network, events: list[LogEvent]) -> None:
    host = telling()
    client = network.machine("client")

    def dial() -> Peer:
        return Peer(client, TCP4ClientEndpoint(client.reactor, host.lab.machine.address, 7000))

    early = dial()
    network.run(PATIENCE / 2)
    late = dial()
    gone = dial()
    gone.close()
    spoken = host.connect(name="tell")
    told_to(spoken)
    network.run(PATIENCE / 2 + 1)
    assert (early.cut, late.closed) == (True, False)
    network.run(PATIENCE / 2)
    assert (late.cut, spoken.closed) == (True, False)
    assert [event.partition(" failed: ")[2] for event in told(events, "tls")] == ["it took longer than 30 s"] * 2


def test_what_is_no_tls_is_one_event_and_no_traceback(
    telling: Secure, network: Network, events: list[LogEvent]
) -> None:
    host = telling()
    client = network.machine("client")
    peer = Peer(client, TCP4ClientEndpoint(client.reactor, host.lab.machine.address, 7000))
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    peer.receive_all()
    [event] = [one for one in events if one.get("event") == "tls"]
    assert (event["log_level"].name, event["reason"]) == ("debug", "http request")
    assert event["peer"].host == client.address
    assert event["listener"] == "tcp:0.0.0.0:7000"
    assert event["connection"] != "-"
