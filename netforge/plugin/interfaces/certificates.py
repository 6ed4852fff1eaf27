"""Certificates: what TLS shows, and whom it believes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import Attribute, Interface

__all__ = ["ICertificates", "IServerTLS", "TLSPolicy"]


@dataclass(frozen=True, slots=True)
class TLSPolicy:
    """How a listener speaks TLS, whatever speaks it.

    :param certificate: the name of what to show in the store; empty: by the name that the client asks for (SNI).
    :param client: whether clients are asked for a certificate, and whether they may have none.
    :param authority: the name in the settings of the authority whose client certificates count.
    :param minimum: the oldest version that is spoken.
    :param ciphers: for TLS 1.2, as OpenSSL writes them; the store's default if empty.
    :param alpn: the application protocols, the best first (RFC 7301).
    """

    certificate: str = ""
    client: Literal["none", "optional", "required"] = "none"
    authority: str = ""
    minimum: Literal["1.2", "1.3"] = "1.2"
    ciphers: str = ""
    alpn: Sequence[str] = ()


class IServerTLS(Interface):
    """The server's side of TLS by one policy. What it shows may change from one connection to the next.

    It provides ``IOpenSSLServerConnectionCreator``, so that ``transport.startTLS`` and ``TLSMemoryBIOFactory`` take it.
    """

    policy: TLSPolicy = Attribute("the policy")


class ICertificates(Interface):
    """The store of certificates and private keys."""

    def server(policy: TLSPolicy) -> Any:
        """The server's side, an :class:`IServerTLS`.

        :raises LookupError: if the policy names what is not there.
        :raises ValueError: if OpenSSL knows none of the ciphers.
        """

    def client(
        hostname: str, *, authorities: Literal["system", "own", "both"] = "both", certificate: str = ""
    ) -> IOpenSSLClientConnectionCreator:
        """The client's side: the server must prove to be *hostname*, a DNS name or an IP address (RFC 9525).

        :param authorities: whose certificates are believed: the system's, those of the local authority, or either.
        :param certificate: the name of the certificate to show, if any.
        """

    def authority() -> bytes:
        """The root certificate of the local authority, in PEM: what clients of its certificates must trust."""

    def expiries() -> Mapping[str, datetime]:
        """Until when each certificate is valid, by its name in the store."""
