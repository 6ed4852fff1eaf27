"""The client's side of TLS: what an upstream must prove, and the endpoint that has it prove that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from zope.interface import implementer

__all__ = ["TLSEndpoint", "proof_of"]

END = b"-----END CERTIFICATE-----"


@implementer(IStreamClientEndpoint)
class TLSEndpoint:
    """Connects with TLS. Twisted's own wrapper would take its time from the global reactor.

    :param endpoint: what connects.
    :param tls: the client's side.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, tls: IOpenSSLClientConnectionCreator, clock: IReactorTime
    ) -> None:
        self._endpoint = endpoint
        self._tls = tls
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803  Twisted's name
        """See ``IStreamClientEndpoint``."""
        from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415  for those who speak TLS

        connecting: Deferred[Any] = self._endpoint.connect(
            TLSMemoryBIOFactory(self._tls, True, protocolFactory, self._clock)
        )
        return connecting.addCallback(lambda outer: outer.wrappedProtocol)


def proof_of(name: str, authority: Path | None = None) -> IOpenSSLClientConnectionCreator:
    """The client's side of TLS with a server that must prove to be somebody (RFC 9525).

    :param name: a DNS name or an IP address.
    :param authority: a file of certificates in PEM, whose owners are believed; without it, the system's.
    :raises ValueError: if the file holds no certificates.
    :raises OSError: if it cannot be read.
    """
    from twisted.internet.ssl import (  # noqa: PLC0415  likewise
        Certificate,
        optionsForClientTLS,
        platformTrust,
        trustRootFromCertificates,
    )

    if authority is None:
        return optionsForClientTLS(name, trustRoot=platformTrust())
    *blocks, _ = authority.read_bytes().split(END)
    if not blocks:
        raise ValueError(f"{authority}: expected certificates in PEM")
    trusted = [Certificate.loadPEM(block + END) for block in blocks]
    return optionsForClientTLS(name, trustRoot=trustRootFromCertificates(trusted))
