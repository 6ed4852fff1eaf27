"""Channel bindings of real TLS connections, in memory."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl import (
    MIN_ITERATIONS,
    Proved,
    ScramClient,
    ScramServer,
    channel_bindings,
    make_verifier,
)
from tests.protocols.sasl.conftest import converse

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def certified(key: Key, algorithm: hashes.HashAlgorithm | None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, algorithm)  # type: ignore[arg-type]  # its type is narrower than what it takes


def connected(key: Key, algorithm: hashes.HashAlgorithm | None, version: int) -> tuple[SSL.Connection, SSL.Connection]:
    """A client and a server after their handshake."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_privatekey(key)
    context.use_certificate(certified(key, algorithm))
    outer = SSL.Context(SSL.TLS_METHOD)
    outer.set_max_proto_version(version)
    client, server = SSL.Connection(outer, None), SSL.Connection(context, None)
    client.set_connect_state()
    server.set_accept_state()
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65536))
    return client, server


def test_both_sides_of_a_connection_agree_and_no_other_connection_does() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pairs = [connected(key, hashes.SHA256(), SSL.TLS1_3_VERSION) for _ in range(2)]
    bindings = [(channel_bindings(one, server=False), channel_bindings(two, server=True)) for one, two in pairs]
    for client, server in bindings:
        assert client == server
        assert list(client) == ["tls-exporter", "tls-server-end-point"]
        assert len(client["tls-exporter"]) == 32
    assert bindings[0][0]["tls-exporter"] != bindings[1][0]["tls-exporter"]


def test_the_end_point_is_the_hash_of_the_certificate_by_its_own_algorithm() -> None:
    client, _ = connected(ec.generate_private_key(ec.SECP256R1()), hashes.SHA384(), SSL.TLS1_3_VERSION)
    certificate = client.get_peer_certificate()
    assert certificate is not None
    fingerprint = certificate.to_cryptography().fingerprint(hashes.SHA384())
    assert channel_bindings(client, server=False)["tls-server-end-point"] == fingerprint


def test_tls_1_2_has_no_exporter() -> None:
    client, server = connected(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256(), SSL.TLS1_2_VERSION)
    assert list(channel_bindings(server, server=True)) == ["tls-server-end-point"]
    assert channel_bindings(client, server=False) == channel_bindings(server, server=True)


def test_a_certificate_without_a_hash_gives_no_end_point() -> None:
    _, server = connected(ed25519.Ed25519PrivateKey.generate(), None, SSL.TLS1_3_VERSION)
    assert list(channel_bindings(server, server=True)) == ["tls-exporter"]


def test_who_is_in_the_middle_cannot_pass_an_exchange_on() -> None:
    verifier = make_verifier("pencil", Random(0), MIN_ITERATIONS)
    key = ec.generate_private_key(ec.SECP256R1())
    to_mallory, _ = connected(key, hashes.SHA256(), SSL.TLS1_3_VERSION)
    _, to_server = connected(key, hashes.SHA256(), SSL.TLS1_3_VERSION)
    ours, theirs = channel_bindings(to_mallory, server=False), channel_bindings(to_server, server=True)
    with pytest.raises(RemoteProtocolError, match="bindings differ"):
        converse(
            ScramClient("ada", "pencil", "c", bindings=ours, plus=True), ScramServer("s", theirs, plus=True), verifier
        )
    honest = ScramClient("ada", "pencil", "c", bindings=theirs, plus=True)
    assert isinstance(converse(honest, ScramServer("s", theirs, plus=True), verifier), Proved)
