"""Whom TLS believes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IOpenSSLClientConnectionCreator

from netforge.shared.outbound.route import ClientTLS

if TYPE_CHECKING:
    from OpenSSL import SSL

__all__ = ["believing", "believing_system"]


def believing(path: Path) -> ClientTLS:
    """Believe the authorities whose certificates are in a file, in PEM, and nobody else.

    :raises OSError: if it cannot be read.
    :raises ValueError: if there are none in it.
    """
    # Late: cryptography takes a tenth of a second.
    from netforge.shared.certificates.contexts import client_context  # noqa: PLC0415
    from netforge.shared.certificates.credential import read_certificates  # noqa: PLC0415

    try:
        roots = read_certificates(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    context = client_context(roots, None, system=False)
    return lambda host: _creator(host, context)


def believing_system() -> ClientTLS:
    """Believe the authorities that this system believes, as they are when TLS is spoken for the first time."""
    contexts: list[SSL.Context] = []

    def tls(host: str) -> IOpenSSLClientConnectionCreator:
        if not contexts:
            from netforge.shared.certificates.contexts import client_context  # noqa: PLC0415

            contexts.append(client_context([], None, system=True))
        return _creator(host, contexts[0])

    return tls


def _creator(host: str, context: SSL.Context) -> IOpenSSLClientConnectionCreator:
    from netforge.shared.certificates.client import ClientTLS as Client  # noqa: PLC0415

    made: IOpenSSLClientConnectionCreator = Client(host, context)
    return made
