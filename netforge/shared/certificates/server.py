"""The server's side of TLS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IOpenSSLServerConnectionCreator,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from zope.interface import implementer

from netforge.plugin import IServerTLS, TLSPolicy
from netforge.shared.certificates.contexts import server_context
from netforge.shared.certificates.credential import Credential, read_credential
from netforge.shared.certificates.handshakes import HalfClosing, Handshake, Handshakes

__all__ = ["ServerTLS"]

#: What a server that validates a name asks for (RFC 8737, section 6.2).
ACME = b"acme-tls/1"
#: Seconds that a context serves. OpenSSL makes it a key for session tickets; with the context, the key is gone.
TICKET_KEY_LIFETIME = 6 * 3600.0

#: Given the name that a client asks for, if any, and the address of ours that it connected to: what to show.
Choose = Callable[[str | None, str], Credential]


@implementer(IServerTLS, IOpenSSLServerConnectionCreator)
class ServerTLS:
    """TLS by one policy.

    :param choose: what to show to whom.
    :param roots: those whose client certificates count.
    :param challenges: by name, what to show to who validates it.
    :param handshakes: those under way.
    :param clock: the time.
    """

    def __init__(
        self,
        policy: TLSPolicy,
        choose: Choose,
        roots: Sequence[x509.Certificate],
        challenges: Mapping[str, bytes],
        handshakes: Handshakes,
        clock: IReactorTime,
    ) -> None:
        self.policy = policy
        self._choose = choose
        self._roots = roots
        self._challenges = challenges
        self._handshakes = handshakes
        self._clock = clock
        self._alpn = [name.encode("ascii") for name in policy.alpn]
        self._contexts: WeakKeyDictionary[Credential, tuple[SSL.Context, float]] = WeakKeyDictionary()

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:  # noqa: N802  Twisted's name
        """See ``IOpenSSLServerConnectionCreator``."""
        negotiating = IProtocolNegotiationFactory(protocol.factory.wrappedFactory, None)
        alpn = self._alpn or (negotiating.acceptableProtocols() if negotiating else ())
        kind = HalfClosing if IHalfCloseableProtocol.providedBy(_innermost(protocol)) else Handshake
        # Changed by the callback for the name, once that is known.
        context = self._context(self._choose(None, ""))
        return kind(context, protocol, self._handshakes, alpn, recording=bool(self._challenges))

    def _context(self, credential: Credential) -> SSL.Context:
        now = self._clock.seconds()
        context, since = self._contexts.get(credential, (None, 0.0))
        if context is None or now - since > TICKET_KEY_LIFETIME:
            context = self._made(credential)
            self._contexts[credential] = context, now
        return context

    def _made(self, credential: Credential) -> SSL.Context:
        context = server_context(self.policy, credential, self._roots)
        context.set_tlsext_servername_callback(self._show)
        context.set_alpn_select_callback(_agree)
        return context

    def _show(self, connection: Any) -> None:
        """Show what fits the name that the client asks for."""
        server_name = connection.get_servername()
        name = server_name.decode("ascii", "replace").lower().rstrip(".") if server_name else None
        proof = self._challenges.get(name or "")
        if proof is not None and ACME in (connection.recorded or b""):
            connection.alpn = [ACME]
            context = self._made(read_credential(f"challenge for {name}", proof, proof))
        else:
            ours = connection.get_app_data().wrappedProtocol.transport.getHost()
            context = self._context(self._choose(name, getattr(ours, "host", "")))
        connection.recorded = None
        if context is not connection.get_context():
            connection.set_context(context)


def _innermost(protocol: Any) -> Any:
    """The protocol behind every layer, which as yet are not connected and so do not say what it can do."""
    while (behind := getattr(protocol, "wrappedProtocol", None)) is not None:
        protocol = behind
    return protocol


def _agree(connection: Any, offered: Sequence[bytes]) -> Any:
    """Choose the application protocol (RFC 7301, section 3.2)."""
    for name in connection.alpn:
        if name in offered:
            return name
    if not connection.alpn:
        return SSL.NO_OVERLAPPING_PROTOCOLS
    # An exception becomes the alert no_application_protocol.
    raise SSL.Error([("", "", "the client speaks none of our application protocols")])
