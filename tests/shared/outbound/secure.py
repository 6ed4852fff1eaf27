"""TLS without a host: an authority of the tests' own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import optionsForClientTLS, trustRootFromCertificates
from zope.interface import implementer

__all__ = ["Root", "believing_nobody"]


def believing_nobody(host: str) -> IOpenSSLClientConnectionCreator:
    """A client that takes no server for who it says it is."""
    made: IOpenSSLClientConnectionCreator = optionsForClientTLS(host, trustRootFromCertificates([]))
    return made


@implementer(IOpenSSLServerConnectionCreator)
class ServerTLS:
    """A server's side of TLS."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:  # noqa: N802  Twisted's name
        return SSL.Connection(self._context, None)


class Root:
    """An authority, good from a year ago until in twenty: on the simulated network and for real."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the test's")])
        self._certificate = self._sign(self._name, self._key.public_key(), x509.BasicConstraints(True, None))

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, *names: str) -> ServerTLS:
        """A server's side of TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        kinds = [_general(name) for name in names]
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key.public_key(), x509.SubjectAlternativeName(kinds))
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        return ServerTLS(context)

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=365))
            .not_valid_after(now + timedelta(days=7300))
            .add_extension(extension, critical=True)
            .sign(self._key, SHA256())
        )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
