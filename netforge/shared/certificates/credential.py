"""A certificate with its private key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

__all__ = ["Credential", "is_address", "read_certificates", "read_credential"]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Credential:
    """What TLS shows.

    :param name: what the store calls it.
    :param chain: the certificate, and those that lead from it towards a root.
    :param key: the private key of the first.
    :ivar names: whom it is for: DNS names in lower case, perhaps with ``*`` for their first label, and IP addresses.
    """

    name: str
    chain: tuple[x509.Certificate, ...]
    key: Any = field(repr=False)
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(_names(self.chain[0])))

    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
        return self.chain[0].not_valid_after_utc


def read_credential(name: str, certificate: bytes, key: bytes) -> Credential:
    """Read a credential.

    :param name: what the store calls it.
    :param certificate: PEM: the certificate, then those that lead from it towards a root.
    :param key: PEM: its private key, not encrypted. May be the same text.
    :raises ValueError: saying what is wrong; never with anything of the key.
    """
    chain = tuple(read_certificates(certificate))
    try:
        private = load_pem_private_key(key, None)
    except TypeError:
        raise ValueError(
            "the private key is encrypted: it must be without a passphrase, and readable by nobody else"
        ) from None
    except ValueError:
        raise ValueError("no private key in PEM was found") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != chain[0].public_key().public_bytes(*form):
        raise ValueError("the private key is not that of the first certificate")
    return Credential(name, chain, private)


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def read_certificates(pem: bytes) -> Sequence[x509.Certificate]:
    """Read certificates.

    :raises ValueError: if there are none.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError("no certificate in PEM was found, or one that cannot be read") from None


def _names(certificate: x509.Certificate) -> list[str]:
    """What it has as subject alternative names; nothing else counts (RFC 9525, section 2)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [*(name.lower() for name in found.get_values_for_type(x509.DNSName)), *addresses]
