"""The client's side of TLS."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IProtocolNegotiationFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from netforge.shared.certificates.credential import is_address

__all__ = ["ClientTLS"]


@implementer(IOpenSSLClientConnectionCreator)
class ClientTLS:
    """TLS with a server that must prove who it is (RFC 9525).

    :param hostname: who it must be: a DNS name or an IP address.
    :param context: what is believed, and what is shown.
    :raises UnicodeError: if it is no such name.
    """

    def __init__(self, hostname: str, context: SSL.Context) -> None:
        self._address = is_address(hostname)
        self._hostname = hostname if self._address else hostname.encode("idna").decode("ascii")
        self._context = context

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802  Twisted's name
        """See ``IOpenSSLClientConnectionCreator``."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        connection.set_connect_state()
        if not self._address:
            connection.set_tlsext_host_name(self._hostname.encode("ascii"))
        negotiating = IProtocolNegotiationFactory(protocol.factory.wrappedFactory, None)
        if negotiating is not None and (alpn := negotiating.acceptableProtocols()):
            connection.set_alpn_protos(alpn)
        connection.set_verify(SSL.VERIFY_PEER, self._verify)
        return connection

    def _verify(self, connection: SSL.Connection, certificate: Any, error: int, depth: int, trusted: int) -> bool:
        """Called for each certificate of the chain, the server's last, with what OpenSSL thinks of it."""
        if not trusted or depth:
            return bool(trusted)
        verify = verify_certificate_ip_address if self._address else verify_certificate_hostname
        try:
            verify(certificate.to_cryptography(), self._hostname)
        except (VerificationError, CertificateError):
            protocol: Any = connection.get_app_data()
            protocol.failVerification(Failure())
            return False
        return True
