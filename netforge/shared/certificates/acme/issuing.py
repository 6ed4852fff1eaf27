"""Orders: from names to a certificate. Everything here blocks, and belongs in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from acme import challenges as acme_challenges
from acme import errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from josepy.errors import Error as JOSEError
from josepy.jwa import ES256
from josepy.jwk import JWK, JWKEC
from requests import RequestException

from netforge.shared.certificates.acme.challenges import validation_certificate
from netforge.shared.durable import write_durably

__all__ = ["Issuer", "IssuingFailed", "Server"]

#: Seconds that an ACME server may take to validate the names of an order and to issue its certificate.
PATIENCE = timedelta(seconds=120)

USER_AGENT = "netforge"


class IssuingFailed(Exception):  # noqa: N818  says what happened
    """No certificate was issued. The message says why, in the server's words where it gave any."""


@acme_challenges.Challenge.register
class TLSALPN01(acme_challenges.KeyAuthorizationChallenge):
    """The challenge of RFC 8737, which the library has not."""

    typ = "tls-alpn-01"

    class response_cls(acme_challenges.KeyAuthorizationChallengeResponse):  # noqa: N801  the library's name
        """Its response, as empty as the others."""

        typ = "tls-alpn-01"

    def validation(self, account_key: JWK, **kwargs: Any) -> str:
        """What the certificate proves: the key authorization."""
        return str(self.key_authorization(account_key))


@dataclass(frozen=True, slots=True)
class Server:
    """An ACME server and how to deal with it.

    :param directory: the URL of its directory.
    :param contact: a mail address for its operators, or nothing.
    :param challenge: how to prove that names are ours.
    :param authorities: PEM certificates to believe in rather than the system's.
    """

    directory: str
    contact: str = ""
    challenge: Literal["http-01", "tls-alpn-01"] = "tls-alpn-01"
    authorities: Path | None = None


class Issuer:
    """Places orders with one server, by one account, which is made with the first of them.

    :param folder: holds the account, mode 0600, in a file for each server.
    :param http: where the proofs of HTTP-01 go while an order is under way, by their tokens.
    """

    def __init__(self, server: Server, folder: Path, http: MutableMapping[str, str]) -> None:
        self._server = server
        self._account = folder / f"account-{urlsplit(server.directory).netloc.replace(':', '_')}.json"
        self._http = http

    def issue(self, names: Sequence[str], tls: MutableMapping[str, bytes]) -> bytes:
        """Get a certificate with a new key for some DNS names: key and chain, in one PEM text.

        :param tls: where the proofs of TLS-ALPN-01 go while the order is under way, by name: key and certificate.

        :raises IssuingFailed: if the server cannot be reached, or says no.
        :raises OSError: if the account cannot be kept.
        """
        try:
            return self._issue(names, tls)
        except errors.ValidationError as error:
            raise IssuingFailed("; ".join(_reasons(error))) from error
        except errors.TimeoutError as error:
            raise IssuingFailed(f"the server has not finished within {PATIENCE.seconds} s") from error
        except (errors.Error, messages.Error, RequestException, JOSEError) as error:
            raise IssuingFailed(str(error) or type(error).__name__) from error

    def _issue(self, names: Sequence[str], tls: MutableMapping[str, bytes]) -> bytes:
        client = self._client()
        key = ec.generate_private_key(ec.SECP256R1())
        order = client.new_order(_request(key, names))
        deadline = datetime.now() + PATIENCE
        with ExitStack() as proofs:
            for authorization in order.authorizations:
                if authorization.body.status != messages.STATUS_VALID:
                    self._answer(client, authorization, tls, proofs)
            order = client.poll_authorizations(order, deadline)
        order = client.finalize_order(order, deadline)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private + str(order.fullchain_pem).encode()

    def _answer(
        self,
        client: ClientV2,
        authorization: messages.AuthorizationResource,
        tls: MutableMapping[str, bytes],
        proofs: ExitStack,
    ) -> None:
        """Have a name validated. The proof stays until the order is decided."""
        name, wanted = authorization.body.identifier.value, self._server.challenge
        offered = {one.chall.typ: one for one in authorization.body.challenges}
        if wanted not in offered:
            raise IssuingFailed(f"the server does not offer {wanted} for {name}, but {', '.join(sorted(offered))}")
        challenge, key = offered[wanted], client.net.key
        assert key is not None
        response, proof = challenge.chall.response_and_validation(key)
        if wanted == "http-01":
            proofs.enter_context(_kept(self._http, challenge.chall.encode("token"), proof))
        else:
            proofs.enter_context(_kept(tls, name, validation_certificate(name, proof)))
        client.answer_challenge(challenge, response)

    def _client(self) -> ClientV2:
        """A client with an account: the one that is kept, or a new one."""
        kept = json.loads(self._account.read_bytes()) if self._account.exists() else None
        pem = kept["key"].encode() if kept else _account_key()
        key = JWKEC(key=load_pem_private_key(pem, None))
        net = ClientNetwork(key, alg=ES256, user_agent=USER_AGENT)
        if self._server.authorities is not None:
            net.verify_ssl = str(self._server.authorities)  # type: ignore[assignment]  # requests takes a path too
        client = ClientV2(ClientV2.get_directory(self._server.directory, net), net)
        if kept:
            net.account = messages.RegistrationResource(uri=kept["uri"], body=messages.Registration())
        else:
            account = messages.NewRegistration.from_data(
                email=self._server.contact or None, terms_of_service_agreed=True
            )
            uri = client.new_account(account).uri
            write_durably(self._account, json.dumps({"uri": uri, "key": pem.decode()}).encode())
        return client


def _account_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _request(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> bytes:
    """A certificate request (RFC 2986), as PEM."""
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.add_extension(alternatives, critical=False).sign(key, SHA256()).public_bytes(Encoding.PEM)


@contextmanager
def _kept(proofs: MutableMapping[str, Any], key: str, proof: object) -> Iterator[None]:
    proofs[key] = proof
    try:
        yield
    finally:
        del proofs[key]


def _reasons(error: errors.ValidationError) -> Iterator[str]:
    """What the server found wrong, name by name."""
    for authorization in error.failed_authzrs:
        for challenge in authorization.body.challenges:
            if challenge.error is not None:
                yield f"{authorization.body.identifier.value}: {challenge.error.detail}"
