"""What the cores of all mechanisms have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl._saslprep import saslprep
from netforge.protocols.sasl.events import ServerEvent

__all__ = ["FIELD_CAP", "MESSAGE_CAP", "Client", "Server", "read_name", "read_text"]

FIELD_CAP = 1024
"""The most bytes of a name or a password. RFC 4616 wants at least 255."""

MESSAGE_CAP = 8192
"""The most bytes of any message: twice a name in SCRAM, of which every byte may take three, and what is around them."""


class Server(ABC):
    """The server's side of one exchange.

    After a :class:`RemoteProtocolError`, and after an event that is an end, there is nothing more to do with it.
    """

    @abstractmethod
    def receive(self, response: bytes | None) -> ServerEvent:
        """Take what the client says.

        :param response: not in base64; ``None`` at the beginning if the client said nothing but the mechanism's name.
        :raises RemoteProtocolError: the mechanism does not allow that, or a proof is wrong.
        :raises LocalProtocolError: it is not the client's turn.
        """


class Client(ABC):
    """The client's side of one exchange."""

    def start(self) -> bytes | None:
        """What to say first, with the mechanism's name where the protocol allows that, or else as the response to an
        empty challenge. ``None`` if the server speaks first.
        """
        return None

    @abstractmethod
    def receive(self, challenge: bytes) -> bytes:
        """Take a challenge, and give the response.

        :raises RemoteProtocolError: the mechanism does not allow that, or the server does not prove who it is.
        """

    def finish(self, data: bytes | None = None) -> None:  # noqa: B027  most mechanisms prove nothing of the server
        """Take note that the server says that it has succeeded. Nobody is logged in unless this returns.

        :param data: what the server said beside that, if anything.
        :raises RemoteProtocolError: the server has not proved who it is, although the mechanism wants it.
        """


def read_text(data: bytes, what: str) -> str:
    """Decode a field.

    :raises RemoteProtocolError: it is longer than :data:`FIELD_CAP`, not UTF-8, or has a NUL.
    """
    if len(data) > FIELD_CAP:
        raise RemoteProtocolError(f"the {what} has {len(data)} bytes; {FIELD_CAP} are the most")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError(f"the {what} is not UTF-8") from None
    if "\0" in text:
        raise RemoteProtocolError(f"the {what} has a NUL in it")
    return text


def read_name(data: bytes) -> str:
    """Decode the name of somebody who logs in, and prepare it.

    :raises RemoteProtocolError: as :func:`read_text`; it cannot be prepared, or nothing is left of it.
    """
    try:
        name = saslprep(read_text(data, "name"))
    except ValueError as error:
        raise RemoteProtocolError(f"the name cannot be prepared: {error}") from None
    if not name:
        raise RemoteProtocolError("the name is empty")
    return name
