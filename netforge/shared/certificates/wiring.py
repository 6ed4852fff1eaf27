"""How the store is put together."""

from __future__ import annotations

import socket
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial

from cryptography import x509
from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context, ICertificates, IHealth, IMetrics, Offer, Parts, Stream, Task
from netforge.protocols.http import HTTPFactory
from netforge.shared.certificates.acme.responder import Responder
from netforge.shared.certificates.acme.source import ACMESource
from netforge.shared.certificates.authority import Authority, open_authority
from netforge.shared.certificates.credential import read_certificates
from netforge.shared.certificates.expiry import ExpiryWatch
from netforge.shared.certificates.files import PEMFiles
from netforge.shared.certificates.handshakes import Handshakes
from netforge.shared.certificates.interfaces import ISource
from netforge.shared.certificates.leaves import Leaves
from netforge.shared.certificates.plugin import ACMESettings, CertificatesSettings
from netforge.shared.certificates.store import Store

__all__ = ["wire"]

#: Let's Encrypt's server for tests.
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


async def wire(settings: CertificatesSettings, context: Context) -> Parts:
    """The parts of the component.

    :raises ValueError: if what the settings name holds no certificates, or is not what the authority may vouch for.
    :raises OSError: if it cannot be read, or the authority not be made.
    """
    hostname = socket.gethostname().lower()
    authority, roots = await deferToThreadPool(
        context.reactor, context.reactor.getThreadPool(), _read, settings, context, hostname
    )
    handshakes = Handshakes(context.clock, context.log)
    leaves = Leaves(authority, hostname, settings.names, context.clock)
    sources: list[ISource] = [
        PEMFiles(name, one.certificate, one.key or one.certificate, context.reactor, context.log)
        for name, one in settings.files.items()
    ]
    proofs: dict[str, str] = {}
    if settings.acme.certificates:
        sources.append(_acme(settings.acme, context, proofs))
    names = [name for source in sources for name in source.names]
    names.sort(key=lambda name: name != settings.default)
    store = Store(leaves, names, roots, handshakes, context.clock)
    watch = ExpiryWatch(store.expiries, context[IMetrics], context.clock, context.log)
    responder = HTTPFactory(Responder(proofs), context.clock)
    forget: list[Callable[[], None]] = []

    def start() -> None:
        watch.start()
        store.changed = watch.look
        forget.append(context[IHealth].watch(context.name, watch.check))

    def stop() -> None:
        forget.pop()()
        watch.stop()
        handshakes.stop()

    return [
        Offer(ICertificates, store),
        *(Task(partial(source.start, store.put, store.challenges), source.stop, _called(source)) for source in sources),
        Task(start, stop, "the watch over certificates"),
        *(Stream(listen, responder, protocol="http-01") for listen in settings.acme.http),
    ]


def _acme(settings: ACMESettings, context: Context, proofs: MutableMapping[str, str]) -> ISource:
    """What orders from an ACME server.

    :param proofs: where those of HTTP-01 go.
    """
    folder = context.state / "acme"

    def issue(names: Sequence[str], tls: MutableMapping[str, bytes]) -> bytes:
        # Here, in a thread, since it takes half a second.
        from netforge.shared.certificates.acme.issuing import Issuer, Server  # noqa: PLC0415

        directory = STAGING if settings.staging else settings.directory
        server = Server(directory, settings.contact, settings.challenge, settings.authorities)
        return Issuer(server, folder, proofs).issue(names, tls)

    return ACMESource(settings.certificates, issue, folder, context.reactor, context.random, context.log)


def _called(source: ISource) -> str:
    return f"certificate {', '.join(source.names)}"


def _read(
    settings: CertificatesSettings, context: Context, hostname: str
) -> tuple[Authority, dict[str, Sequence[x509.Certificate]]]:
    """Read what must be there. Blocks."""
    path = context.state / "authority.pem"
    authority = open_authority(path, hostname, settings.names, context.clock.seconds(), context.random)
    for name in settings.names:
        if not authority.permits(name):
            raise ValueError(
                f"names: the local authority in {path} was made without {name}, and may not vouch for it: "
                "remove that file to have another made, which its clients must trust anew"
            )
    roots: dict[str, Sequence[x509.Certificate]] = {}
    for name, file in settings.authorities.items():
        try:
            roots[name] = read_certificates(file.read_bytes())
        except ValueError as error:
            raise ValueError(f"authorities.{name}: {file}: {error}") from None
    return authority, roots
