"""What a server core asks for next."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["CertificateClaimed", "Challenge", "NameGiven", "PasswordGiven", "Proved", "ServerEvent"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this to the client, and give its response to the core.

    :param data: not in base64; often empty.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """The end: find out whether the password is right.

    :param name: the authentication identity.
    :param password: the password.
    :param authorization: the identity to act as; empty for that of *name*.
    """

    name: str
    password: str = field(repr=False)
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class CertificateClaimed:
    """The end: find out whom the client's certificate, or whatever else is known of it, stands for.

    :param authorization: the identity to act as; empty for the client's own.
    """

    authorization: str = ""


@dataclass(frozen=True, slots=True)
class NameGiven:
    """Look up the verifier of a name, and give it to :meth:`~netforge.protocols.sasl.ScramServer.supply`."""

    name: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Proved:
    """The end: the client has proved that it knows the password.

    :param data: what is left to say to the client, in which the server proves the same. It goes out beside the success
        where the protocol has room for it; elsewhere as a last challenge, to which the response is empty (RFC 4422,
        section 3.6).
    """

    name: str
    data: bytes
    authorization: str = ""


#: What the server cores give.
ServerEvent = Challenge | PasswordGiven | CertificateClaimed | NameGiven | Proved
