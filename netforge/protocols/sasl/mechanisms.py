"""The table of mechanisms, and cores by a mechanism's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from netforge.protocols.sasl._cores import Client, Server
from netforge.protocols.sasl._external import ExternalClient, ExternalServer
from netforge.protocols.sasl._login import LoginClient, LoginServer
from netforge.protocols.sasl._plain import PlainClient, PlainServer
from netforge.protocols.sasl._scram import make_nonce
from netforge.protocols.sasl._scramclient import ScramClient
from netforge.protocols.sasl._scramserver import ScramServer

__all__ = ["MECHANISMS", "Credentials", "Mechanism"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client logs in with.

    :param name: the authentication identity; EXTERNAL needs none.
    :param password: likewise.
    :param authorization: the identity to act as, where it is another. LOGIN cannot express it.
    """

    name: str = ""
    password: str = field(default="", repr=False)
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism.

    :param server: makes the server's side of an exchange, from a source of randomness and the connection's channel
        bindings.
    :param client: makes the client's, likewise, with the credentials before them.
    :param reveals: whether whoever listens learns the password.
    :param certificate: whether it takes the client's certificate.
    :param verifier: whether the server needs verifiers of passwords.
    :param binding: whether it takes a channel binding.
    """

    server: Callable[[Random, Mapping[str, bytes]], Server]
    client: Callable[[Credentials, Random, Mapping[str, bytes]], Client]
    reveals: bool = False
    certificate: bool = False
    verifier: bool = False
    binding: bool = False


def _scram(*, plus: bool) -> Mechanism:
    return Mechanism(
        lambda random, bindings: ScramServer(make_nonce(random), bindings, plus=plus),
        lambda given, random, bindings: ScramClient(
            given.name,
            given.password,
            make_nonce(random),
            authorization=given.authorization,
            bindings=bindings,
            plus=plus,
        ),
        verifier=True,
        binding=plus,
    )


MECHANISMS: Mapping[str, Mechanism] = {
    "EXTERNAL": Mechanism(
        lambda random, bindings: ExternalServer(),
        lambda given, random, bindings: ExternalClient(given.authorization),
        certificate=True,
    ),
    "SCRAM-SHA-256-PLUS": _scram(plus=True),
    "SCRAM-SHA-256": _scram(plus=False),
    "PLAIN": Mechanism(
        lambda random, bindings: PlainServer(),
        lambda given, random, bindings: PlainClient(given.name, given.password, given.authorization),
        reveals=True,
    ),
    "LOGIN": Mechanism(
        lambda random, bindings: LoginServer(),
        lambda given, random, bindings: LoginClient(given.name, given.password),
        reveals=True,
    ),
}
"""By name, the strongest first."""
