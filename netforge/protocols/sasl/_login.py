"""LOGIN (draft-murchison-sasl-login): name, then password. Obsolete, and still all that some clients know."""

from __future__ import annotations

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl._cores import Client, Server, read_name, read_text
from netforge.protocols.sasl.events import Challenge, PasswordGiven, ServerEvent

__all__ = ["LoginClient", "LoginServer"]


class LoginServer(Server):
    """The server's side of LOGIN. Clients that send the name with the mechanism's, as the draft forbids, are served."""

    def __init__(self) -> None:
        self._name: str | None = None

    def receive(self, response: bytes | None) -> ServerEvent:
        if response is None:
            # Clients look for these very words.
            return Challenge(b"Username:")
        if self._name is None:
            self._name = read_name(response)
            return Challenge(b"Password:")
        password = read_text(response, "password")
        if not password:
            raise RemoteProtocolError("the password is empty")
        return PasswordGiven(self._name, password)


class LoginClient(Client):
    """The client's side of LOGIN. What the challenges say differs from server to server; their order does not."""

    def __init__(self, name: str, password: str) -> None:
        self._answers = [name.encode(), password.encode()]

    def receive(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise RemoteProtocolError("LOGIN has no third challenge")
        return self._answers.pop(0)
