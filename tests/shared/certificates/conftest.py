"""Certificates of somebody's, a host that serves over TLS, and clients that look whom they talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.logger import LogEvent
from zope.interface import implementer

from netforge.plugin import Context, ICertificates, IReadings, Parts, Settings, parse_address, service
from netforge.shared.certificates.credential import Credential
from netforge.testing import Lab, Peer

MakeLab = Callable[..., Lab]
Secure = Callable[..., "Secured"]

#: An echo over TLS that nothing but its peer ends.
ECHO = """
[services.echo]
idle = 1_000_000_000
listen = [{ address = "tcp:7443", tls = true }]
"""

#: When the simulated network begins.
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


class Issuer:
    """An authority that somebody else has."""

    def __init__(self, name: str = "somebody") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        ca = x509.BasicConstraints(True, None)
        self.certificate = self._signed(self.name, self.key, START - 900 * DAY, START + 9000 * DAY, [(ca, True)])

    @property
    def pem(self) -> bytes:
        """The root."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, *names: str, subject: str = "CN=leaf", begin: datetime | None = None, days: float = 4000) -> bytes:
        """A certificate and its key, for these names from a day before the network begins, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin = begin or START - DAY
        extensions: list[tuple[Any, bool]] = [(x509.BasicConstraints(False, None), True)]
        if names:
            extensions.append((x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False))
        called = x509.Name.from_rfc4514_string(subject)
        return pem_of(self._signed(called, key, begin, begin + timedelta(days=days), extensions), key)

    def _signed(self, subject: Any, key: Any, begin: datetime, end: datetime, extensions: Any) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, SHA256())


def pem_of(certificate: x509.Certificate, key: Any) -> bytes:
    """Both as PEM."""
    private: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + private


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """An authority that is not ours."""
    return Issuer()


class Secured:
    """A lab whose services speak TLS.

    :ivar lab: the lab.
    :ivar certificates: its store.
    """

    def __init__(self, make: MakeLab, settings: str, **options: Any) -> None:
        contexts: list[Context] = []

        @service("spy", Settings, needs=[ICertificates, IReadings])
        def spy(settings: Settings, context: Context) -> Parts:
            contexts.append(context)
            return []

        plugins = [spy, *options.pop("plugins", ())]
        self.lab: Lab = make(f"{settings}\n[services.spy]\n", plugins=plugins, **options)
        self._contexts = contexts

    @property
    def context(self) -> Context:
        """The surroundings of a service that needs the store."""
        return self._contexts[-1]

    @property
    def certificates(self) -> Any:
        """The store, also that of after a reload."""
        return self._contexts[-1][ICertificates]

    @property
    def health(self) -> Mapping[str, str]:
        """What is wrong with each component, or nothing."""
        looking: Any = self._contexts[-1][IReadings].health()
        found: Mapping[str, str] = self.lab.machine.network.run_until(looking)
        return found

    @property
    def metrics(self) -> str:
        """The metrics as Prometheus gets them."""
        _, text = self._contexts[-1][IReadings].numbers("text/plain")
        return text.decode()

    def connect(
        self,
        hostname: str = "localhost",
        *,
        name: str = "echo",
        number: int = 0,
        creator: IOpenSSLClientConnectionCreator | None = None,
    ) -> Peer:
        """Connect to a listener that speaks TLS, on all addresses, and expect it to be *hostname*."""
        lab = self.lab
        address: Any = parse_address([one for one in lab.serving if one.name == name][number].address)
        client = lab.machine.network.machine("client")
        endpoint = TCP4ClientEndpoint(client.reactor, lab.machine.address, address.port)
        return Peer(client, wrapClientTLS(creator or self.certificates.client(hostname, authorities="own"), endpoint))

    def shown(self, hostname: str = "localhost", **options: Any) -> x509.Certificate:
        """What a client that asks for a name is shown, once it is sure of it."""
        peer = self.connect(hostname, **options)
        peer.send(b"?")
        assert peer.receive(1) == b"?"
        certificate: x509.Certificate = handle(peer).get_peer_certificate(as_cryptography=True)
        peer.close()
        return certificate

    def subject(self, name: str | None = None) -> str:
        """The subject of what a client that asks for a name is shown, whether or not it should believe that."""
        return self.shown(creator=Lax(name)).subject.rfc4514_string()


@implementer(IOpenSSLClientConnectionCreator)
class Lax:
    """TLS of a client that believes everybody, and says what it likes.

    :param name: the name that it asks for.
    :param alpn: the application protocols that it offers.
    :param maximum: the newest version that it speaks, as OpenSSL counts.
    :param credential: what it shows.
    :ivar session: what it would go on with.
    """

    def __init__(
        self,
        name: str | None = None,
        alpn: Sequence[bytes] = (),
        maximum: int = 0,
        ciphers: str = "ALL",
        credential: Credential | None = None,
    ) -> None:
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_max_proto_version(maximum)
        if credential is not None:
            self._context.use_certificate(credential.chain[0])
            self._context.use_privatekey(credential.key)
        self._context.set_cipher_list(ciphers.encode())
        self._name = name
        self._alpn = alpn
        self.session: SSL.Session | None = None

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802  Twisted's name
        connection = SSL.Connection(self._context, None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name.encode())
        if self._alpn:
            connection.set_alpn_protos(list(self._alpn))
        if self.session is not None:
            connection.set_session(self.session)
        return connection


def handle(peer: Peer) -> Any:
    """OpenSSL's connection of a client."""
    transport: Any = peer._end.transport
    return transport.getHandle()


@pytest.fixture
def secured(lab: MakeLab) -> Callable[..., Secured]:
    """Runs settings of services that speak TLS."""
    return lambda settings, **options: Secured(lab, settings, **options)


def told(events: list[LogEvent], event: str) -> list[str]:
    """The log events of one kind, as they are printed."""
    return [one["log_format"].format(**one) for one in events if one.get("event") == event]
