"""Channel bindings of a TLS connection, which tie an exchange to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection

__all__ = ["channel_bindings"]


def channel_bindings(connection: Connection, *, server: bool) -> Mapping[str, bytes]:
    """The data of every kind of channel binding that a connection has, by kind.

    ``tls-exporter`` (RFC 9266) comes with TLS 1.3 only: in TLS 1.2 it is sound only with an extension that cannot be
    asked for here. ``tls-server-end-point`` (RFC 5929, section 4) comes unless the certificate is signed without a
    hash, as with Ed25519.

    :param connection: after its handshake.
    :param server: whether it is the server's side.
    """
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  it comes with pyOpenSSL

    bindings: dict[str, bytes] = {}
    if connection.get_protocol_version_name() == "TLSv1.3":
        bindings["tls-exporter"] = connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    certificate = connection.get_certificate() if server else connection.get_peer_certificate()
    if certificate is not None:
        algorithm = certificate.to_cryptography().signature_hash_algorithm
        if algorithm is not None:
            name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
            der = certificate.to_cryptography().public_bytes(Encoding.DER)
            bindings["tls-server-end-point"] = hashlib.new(name, der).digest()
    return bindings
