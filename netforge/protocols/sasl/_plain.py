"""PLAIN (RFC 4616): name and password in one message."""

from __future__ import annotations

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.sasl._cores import Client, Server, read_name, read_text
from netforge.protocols.sasl.events import Challenge, PasswordGiven, ServerEvent

__all__ = ["PlainClient", "PlainServer"]


class PlainServer(Server):
    """The server's side of PLAIN."""

    def receive(self, response: bytes | None) -> ServerEvent:
        if response is None:
            return Challenge(b"")
        # RFC 4616, section 2: message = [authzid] UTF8NUL authcid UTF8NUL passwd
        fields = response.split(b"\0", 3)
        if len(fields) != 3:
            raise RemoteProtocolError(f"expected two NULs between three fields, found {len(fields) - 1}")
        authorization = read_text(fields[0], "authorization identity")
        password = read_text(fields[2], "password")
        if not password:
            raise RemoteProtocolError("the password is empty")
        return PasswordGiven(read_name(fields[1]), password, authorization)


class PlainClient(Client):
    """The client's side of PLAIN.

    :raises LocalProtocolError: there is a NUL somewhere.
    """

    def __init__(self, name: str, password: str, authorization: str = "") -> None:
        fields = (authorization, name, password)
        if any("\0" in field for field in fields):
            raise LocalProtocolError("PLAIN cannot express a NUL")
        self._message = "\0".join(fields).encode()

    def start(self) -> bytes:
        return self._message

    def receive(self, challenge: bytes) -> bytes:
        raise RemoteProtocolError("PLAIN has no second challenge")
