"""SASL (RFC 4422): ways to log in, for any protocol. Cores only, which do no input or output.

==================== ============================== ===============================================
mechanism            source                         the server needs
==================== ============================== ===============================================
EXTERNAL             RFC 4422, appendix A           the client's certificate
SCRAM-SHA-256-PLUS   RFC 5802, RFC 7677             a verifier, and a channel binding:
                                                    ``tls-exporter`` (RFC 9266) or
                                                    ``tls-server-end-point`` (RFC 5929)
SCRAM-SHA-256        RFC 5802, RFC 7677             a verifier
PLAIN                RFC 4616                       the password
LOGIN                draft-murchison-sasl-login     the password
==================== ============================== ===============================================

A server, for each exchange::

    server = MECHANISMS["PLAIN"].server(SystemRandom(), bindings={})
    match server.receive(response):
        case Challenge(data): ...             # send it, and come back with the response
        case PasswordGiven(name, password): ...

A client::

    client = MECHANISMS["SCRAM-SHA-256"].client(Credentials("ada", "secret"), SystemRandom(), {})
    first = client.start()
    response = client.receive(challenge)
    client.finish(data)                       # raises unless the server has proved itself
"""

from __future__ import annotations

from netforge.protocols.sasl._bindings import channel_bindings
from netforge.protocols.sasl._cores import FIELD_CAP, MESSAGE_CAP, Client, Server
from netforge.protocols.sasl._external import ExternalClient, ExternalServer
from netforge.protocols.sasl._login import LoginClient, LoginServer
from netforge.protocols.sasl._plain import PlainClient, PlainServer
from netforge.protocols.sasl._saslprep import saslprep
from netforge.protocols.sasl._scram import (
    BINDINGS,
    ITERATIONS,
    MAX_ITERATIONS,
    MIN_ITERATIONS,
    Verifier,
    fake_verifier,
    make_nonce,
    make_verifier,
    prepared,
)
from netforge.protocols.sasl._scramclient import ScramClient
from netforge.protocols.sasl._scramserver import ScramServer
from netforge.protocols.sasl.events import (
    CertificateClaimed,
    Challenge,
    NameGiven,
    PasswordGiven,
    Proved,
    ServerEvent,
)
from netforge.protocols.sasl.mechanisms import MECHANISMS, Credentials, Mechanism

__all__ = [
    "BINDINGS",
    "FIELD_CAP",
    "ITERATIONS",
    "MAX_ITERATIONS",
    "MECHANISMS",
    "MESSAGE_CAP",
    "MIN_ITERATIONS",
    "CertificateClaimed",
    "Challenge",
    "Client",
    "Credentials",
    "ExternalClient",
    "ExternalServer",
    "LoginClient",
    "LoginServer",
    "Mechanism",
    "NameGiven",
    "PasswordGiven",
    "PlainClient",
    "PlainServer",
    "Proved",
    "ScramClient",
    "ScramServer",
    "Server",
    "ServerEvent",
    "Verifier",
    "channel_bindings",
    "fake_verifier",
    "make_nonce",
    "make_verifier",
    "prepared",
    "saslprep",
]
