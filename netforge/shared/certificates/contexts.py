"""Contexts of OpenSSL, as policies ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509

from netforge.plugin import TLSPolicy
from netforge.shared.certificates.credential import Credential

__all__ = ["client_context", "server_context"]

#: For TLS 1.2: only what keeps the past secret when a key is lost, and what authenticates as it encrypts.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: OpenSSL's SSL_OP_NO_RENEGOTIATION, for which pyOpenSSL has no name.
NO_RENEGOTIATION = 1 << 30

VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
VERIFYING = {
    "none": SSL.VERIFY_NONE,
    "optional": SSL.VERIFY_PEER,
    "required": SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}


@contextmanager
def _refusals() -> Iterator[None]:
    """Put into words what OpenSSL refuses."""
    try:
        yield
    except SSL.Error as error:
        raise ValueError(f"OpenSSL says: {'; '.join(reason for _, _, reason in error.args[0])}") from None


@_refusals()
def server_context(policy: TLSPolicy, credential: Credential, roots: Sequence[x509.Certificate]) -> SSL.Context:
    """A context for a server.

    :param roots: those whose client certificates count.
    :raises ValueError: if OpenSSL knows none of the ciphers, or finds the certificate or its key too weak.
    """
    context = _context(policy.ciphers or CIPHERS, VERSIONS[policy.minimum])
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    _show(context, credential)
    context.set_verify(VERIFYING[policy.client])
    # Sessions are with the clients, in tickets, so that they need no memory here.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if policy.client != "none":
        _believe(context, roots)
        for root in roots:
            context.add_client_ca(root)
        # Who resumes shows no certificate, so that one that has expired meanwhile would still count.
        context.set_options(SSL.OP_NO_TICKET)
    return context


def client_context(roots: Sequence[x509.Certificate], credential: Credential | None, *, system: bool) -> SSL.Context:
    """A context for a client.

    :param roots: whose certificates are believed,
    :param system: and whether those of the system are too.
    :param credential: what to show, if a server asks.
    """
    context = _context(CIPHERS, SSL.TLS1_2_VERSION)
    if system:
        context.set_default_verify_paths()
    _believe(context, roots)
    if credential is not None:
        _show(context, credential)
    return context


def _context(ciphers: str, minimum: int) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(minimum)
    context.set_cipher_list(ciphers.encode())
    context.set_options(SSL.OP_NO_COMPRESSION | NO_RENEGOTIATION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    return context


def _show(context: SSL.Context, credential: Credential) -> None:
    context.use_certificate(credential.chain[0])
    for further in credential.chain[1:]:
        context.add_extra_chain_cert(further)
    context.use_privatekey(credential.key)
    context.check_privatekey()


def _believe(context: SSL.Context, roots: Sequence[x509.Certificate]) -> None:
    store = context.get_cert_store()
    assert store is not None
    for root in roots:
        store.add_cert(X509.from_cryptography(root))
