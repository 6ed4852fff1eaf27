"""EXTERNAL (RFC 4422, appendix A): who the client is shows from elsewhere, mostly from its certificate."""

from __future__ import annotations

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl._cores import Client, Server, read_text
from netforge.protocols.sasl.events import CertificateClaimed, Challenge, ServerEvent

__all__ = ["ExternalClient", "ExternalServer"]


class ExternalServer(Server):
    """The server's side of EXTERNAL."""

    def receive(self, response: bytes | None) -> ServerEvent:
        if response is None:
            return Challenge(b"")
        return CertificateClaimed(read_text(response, "authorization identity"))


class ExternalClient(Client):
    """The client's side of EXTERNAL."""

    def __init__(self, authorization: str = "") -> None:
        self._message = authorization.encode()

    def start(self) -> bytes:
        return self._message

    def receive(self, challenge: bytes) -> bytes:
        raise RemoteProtocolError("EXTERNAL has no second challenge")
