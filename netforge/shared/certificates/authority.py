"""The local authority: a root of our own, for who has nobody else to vouch for a name."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netforge.shared.certificates.credential import Credential, is_address, read_credential
from netforge.shared.durable import write_durably

__all__ = ["LIFETIME", "Authority", "open_authority"]

#: How long a certificate that it signs is valid.
LIFETIME = timedelta(days=45)
#: How long the root is.
ROOT_LIFETIME = timedelta(days=3652)
#: How far clocks of clients may be behind.
BACKDATED = timedelta(hours=1)

#: What it may vouch for besides the names that it was made for: whoever trusts it on a whole computer is not to trust
#: it with the rest of the world. Names that are nobody's on the Internet (RFC 6761, RFC 6762, RFC 8375, ICANN's
#: "internal"), and private addresses.
OWN_DOMAINS = ("localhost", "local", "internal", "home.arpa", "lan", "test")
OWN_NETWORKS = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)


class Authority:
    """A root certificate and its key.

    :param credential: both.
    :param random: where serial numbers come from.
    """

    def __init__(self, credential: Credential, random: Random) -> None:
        self.certificate = credential.chain[0]
        self._key = credential.key
        self._random = random
        constraints = self.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        permitted = constraints.permitted_subtrees or []
        self._domains = [one.value for one in permitted if isinstance(one, x509.DNSName)]
        self._networks = [one.value for one in permitted if isinstance(one, x509.IPAddress)]

    @property
    def pem(self) -> bytes:
        """The root certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def permits(self, name: str) -> bool:
        """Whether it may vouch for a DNS name, perhaps with ``*`` for its first label, or an IP address."""
        if is_address(name):
            return any(ip_address(name) in network for network in self._networks)  # type: ignore[operator]  # networks
        labels = f".{name.removeprefix('*.')}"
        return any(labels.endswith(f".{domain}") for domain in self._domains)

    def issue(self, names: Sequence[str], now: float) -> Credential:
        """Sign a certificate for a new key.

        :param names: what it is for; the authority permits them all.
        :param now: Unix time.
        """
        begin = datetime.fromtimestamp(now, UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(
            [x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name) for name in names]
        )
        signed = (
            x509.CertificateBuilder()
            .subject_name(_called("netforge"))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(_serial(self._random))
            .not_valid_before(begin - BACKDATED)
            .not_valid_after(min(begin + LIFETIME, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(alternatives, critical=False)
            .sign(self._key, SHA256())
        )
        return Credential("local", (signed,), key)


def open_authority(path: Path, hostname: str, names: Iterable[str], now: float, random: Random) -> Authority:
    """The authority in a file, which is made if it is not there. Blocks.

    :param path: the file: certificate and key, mode 0600.
    :param hostname: what this computer is called.
    :param names: what else the authority is to vouch for, where it is made.
    :param now: Unix time.
    :raises ValueError: if the file holds something else; names it.
    :raises OSError: if it cannot be read or made.
    """
    # A command and a server may start at once for the first time.
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            write_durably(path, _root(hostname, names, now, random))
    pem = path.read_bytes()
    try:
        return Authority(read_credential("authority", pem, pem), random)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise ValueError(f"{path} is not the local authority: {error}; put back what was there, or remove it") from None


def _root(hostname: str, names: Iterable[str], now: float, random: Random) -> bytes:
    """A root certificate and its key, in PEM."""
    begin = datetime.fromtimestamp(now, UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    wanted = [name.removeprefix("*.") for name in (hostname, *names)]
    domains = dict.fromkeys([*OWN_DOMAINS, *(name for name in wanted if not is_address(name))])
    networks = dict.fromkeys([*OWN_NETWORKS, *(name for name in wanted if is_address(name))])
    permitted = [*map(x509.DNSName, domains), *(x509.IPAddress(ip_network(one)) for one in networks)]
    called = _called(f"netforge local authority of {hostname}"[:64])
    root = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(_serial(random))
        .not_valid_before(begin - BACKDATED)
        .not_valid_after(begin + ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(True, 0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return root.public_bytes(Encoding.PEM) + private


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _serial(random: Random) -> int:
    """What nobody can guess, of at most 20 octets (RFC 5280, section 4.1.2.2)."""
    return random.getrandbits(158) + 1


def _usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in every})
