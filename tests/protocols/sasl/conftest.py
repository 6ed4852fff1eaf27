"""Whole exchanges between a client's core and a server's."""

from __future__ import annotations

from netforge.protocols.sasl import Challenge, Client, NameGiven, Proved, ScramServer, Server, ServerEvent, Verifier

__all__ = ["converse"]


def converse(client: Client, server: Server, verifier: Verifier | None = None) -> ServerEvent:
    """Run an exchange to its end, as a protocol with room for a first response and none beside the success does."""
    event = server.receive(client.start())
    while True:
        match event:
            case Challenge(data):
                event = server.receive(client.receive(data))
            case NameGiven():
                assert isinstance(server, ScramServer)
                assert verifier is not None
                event = server.supply(verifier)
            case Proved(data=data):
                assert client.receive(data) == b""
                client.finish()
                return event
            case _:
                client.finish()
                return event
