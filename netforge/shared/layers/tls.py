"""The layer TLS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NoReturn

from pydantic import model_validator
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import implementer

from netforge.plugin import Field, ICertificates, ILayer, Listener, Place, Settings, TLSPolicy

__all__ = ["TLSKeys", "tls"]


class TLSKeys(Settings):
    """TLS: encryption, and certificates of servers and clients."""

    tls: Literal["starttls"] | bool = Field(
        False, description='true: from the first byte; "starttls": when the client asks, in protocols that have that'
    )
    certificate: str = Field(
        "",
        description="the name of the certificate to show, as [shared.certificates] has it; if left out, "
        "it is that of the name that the client asks for",
    )
    client_certificates: Literal["none", "optional", "required"] = Field(
        "none", description="whether clients are asked for a certificate, and turned away without one"
    )
    client_authority: str = Field(
        "", description="the name of the authority in [shared.certificates.authorities] that has signed those"
    )
    tls_minimum: Literal["1.2", "1.3"] = Field("1.2", description="the oldest version of TLS that is spoken")

    @model_validator(mode="after")
    def _fit_together(self) -> TLSKeys:
        if self.tls is False and self != TLSKeys.model_construct():
            raise ValueError("certificate, client_certificates, client_authority and tls_minimum need tls = true")
        if (self.client_certificates == "none") != (not self.client_authority):
            raise ValueError('client_authority goes with client_certificates = "optional" or "required"')
        return self


@implementer(ILayer)
class TLS:
    """See :class:`netforge.plugin.ILayer`."""

    name = "tls"
    place = Place.TLS
    keys = TLSKeys
    needs: Sequence[Any] = (ICertificates,)

    def active(self, keys: TLSKeys) -> bool:
        return keys.tls is not False

    def wrap_stream(self, factory: IProtocolFactory, keys: TLSKeys, listener: Listener) -> IProtocolFactory:
        policy = TLSPolicy(keys.certificate, keys.client_certificates, keys.client_authority, keys.tls_minimum)
        server = listener.context[ICertificates].server(policy)
        if keys.tls == "starttls":
            own: Any = listener.part.factory  # type: ignore[union-attr]  # a stream has one
            if not hasattr(own, "tls"):
                raise ValueError(f"{listener.address}: {type(own).__name__} knows no STARTTLS: write tls = true")
            own.tls = server
            return factory
        return _secured(factory, server, listener.context.reactor)

    def wrap_datagram(self, receiver: AbstractDatagramProtocol, keys: TLSKeys, listener: Listener) -> NoReturn:
        raise ValueError(f"{listener.address}: TLS is for streams, and this listener takes datagrams: remove tls")


tls = TLS()


def _secured(factory: IProtocolFactory, server: Any, reactor: Any) -> IProtocolFactory:
    # Neither at the top: they take OpenSSL in, and uvloop.
    if hasattr(reactor, "loop"):
        from netforge.reactor.securing import SecuringFactory  # noqa: PLC0415

        return SecuringFactory(server, False, factory, reactor)
    from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415

    return TLSMemoryBIOFactory(server, False, factory, reactor)
