"""The store: which certificate is shown to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IReactorTime
from zope.interface import implementer

from netforge.plugin import ICertificates, TLSPolicy
from netforge.shared.certificates.client import ClientTLS
from netforge.shared.certificates.contexts import client_context, server_context
from netforge.shared.certificates.credential import Credential
from netforge.shared.certificates.handshakes import Handshakes
from netforge.shared.certificates.leaves import Leaves
from netforge.shared.certificates.server import Choose, ServerTLS

__all__ = ["LOCAL", "ROOT", "Store"]

#: What the local authority's certificates are called, and its own.
LOCAL, ROOT = "local", "authority"
#: Seconds that clients share a context: the system's roots take some milliseconds to read, and sometimes change.
CLIENT_LIFETIME = 3600.0


@implementer(ICertificates)
class Store:
    """Certificates by name.

    :param leaves: those of the local authority.
    :param names: what the sources give, sooner or later; the first is the default.
    :param authorities: by name, the roots whose client certificates count.
    :param handshakes: those under way.
    :param clock: the time.
    :ivar challenges: by DNS name, the proof for who validates it; see :class:`ISource`.
    :ivar changed: called after each change.
    """

    def __init__(
        self,
        leaves: Leaves,
        names: Sequence[str],
        authorities: Mapping[str, Sequence[x509.Certificate]],
        handshakes: Handshakes,
        clock: IReactorTime,
    ) -> None:
        self.leaves = leaves
        self.challenges: dict[str, bytes] = {}
        self.changed: Callable[[], object] = lambda: None
        self._names = names
        self._authorities = authorities
        self._handshakes = handshakes
        self._clock = clock
        self._credentials: dict[str, Credential] = {}
        self._by_name: dict[str, Credential] = {}
        self._default: Credential | None = None
        self._clients: dict[tuple[str, str], tuple[SSL.Context, float]] = {}

    def put(self, credential: Credential) -> None:
        """Show a credential from now on, in place of the one of its name. Nothing that is connected notices."""
        self._credentials[credential.name] = credential
        known = [self._credentials[name] for name in self._names if name in self._credentials]
        # Where two are for one name, the one that is listed first is shown.
        self._by_name = {name: one for one in reversed(known) for name in one.names}
        self._default = known[0]
        self._clients.clear()
        self.changed()

    def authority(self) -> bytes:
        """See :meth:`netforge.plugin.ICertificates.authority`."""
        return self.leaves.authority.pem

    def server(self, policy: TLSPolicy) -> ServerTLS:
        """See :meth:`netforge.plugin.ICertificates.server`."""
        self._check(policy.certificate)
        roots = self._roots(policy)
        choose: Choose = partial(self._named, policy.certificate) if policy.certificate else self._asked_for
        # Now, so that ciphers that OpenSSL does not know are an error of the settings.
        server_context(policy, self.leaves.default, roots)
        return ServerTLS(policy, choose, roots, self.challenges, self._handshakes, self._clock)

    def client(
        self, hostname: str, *, authorities: Literal["system", "own", "both"] = "both", certificate: str = ""
    ) -> IOpenSSLClientConnectionCreator:
        """See :meth:`netforge.plugin.ICertificates.client`."""
        self._check(certificate)
        roots = [] if authorities == "system" else [self.leaves.authority.certificate]
        shown = self._named(certificate, None, "") if certificate else None
        now = self._clock.seconds()
        context, since = self._clients.get((authorities, certificate), (None, 0.0))
        if context is None or now - since > CLIENT_LIFETIME:
            context = client_context(roots, shown, system=authorities != "own")
            self._clients[authorities, certificate] = context, now
        return ClientTLS(hostname, context)

    def expiries(self) -> Mapping[str, datetime]:
        """See :meth:`netforge.plugin.ICertificates.expiries`."""
        return {
            **{name: credential.not_after for name, credential in self._credentials.items()},
            LOCAL: self.leaves.default.not_after,
            ROOT: self.leaves.authority.certificate.not_valid_after_utc,
        }

    def _asked_for(self, name: str | None, address: str) -> Credential:
        """What is for the name that a client asks for, or for the address that it connected to, or the default."""
        if name is None:
            found = self._default or self.leaves.find(None, address)
        else:
            wildcard = f"*.{name.partition('.')[2]}"
            found = self._by_name.get(name) or self._by_name.get(wildcard) or self.leaves.find(name, address)
        return found or self._default or self.leaves.default

    def _named(self, certificate: str, name: str | None, address: str) -> Credential:
        """The certificate of a name in the store; until there is one, the local authority's."""
        return self._credentials.get(certificate) or self.leaves.find(name, address) or self.leaves.default

    def _check(self, certificate: str) -> None:
        if certificate and certificate not in (*self._names, LOCAL):
            known = ", ".join([*self._names, LOCAL])
            raise LookupError(f"no certificate is called {certificate!r}; there are {known}")

    def _roots(self, policy: TLSPolicy) -> Sequence[x509.Certificate]:
        if policy.client == "none":
            return ()
        if policy.authority not in self._authorities:
            known = ", ".join(self._authorities) or "none"
            raise LookupError(f"no authority of client certificates is called {policy.authority!r}; there are {known}")
        return self._authorities[policy.authority]
