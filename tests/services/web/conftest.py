"""Sites in a lab, and a client that asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS

from netforge.plugin import Internet, parse_address
from netforge.testing import Network, Peer
from tests.shared.certificates.conftest import Lax

if TYPE_CHECKING:
    from netforge.testing import Lab
    from netforge.testing.pytest_plugin import MakeLab

__all__ = ["Reply", "Sites", "Web", "sites"]


class Reply(NamedTuple):
    """A response.

    :param fields: by their names in lower case; several of one name are joined by commas.
    """

    status: int
    fields: Mapping[str, str]
    body: str


class Web:
    """Sites that run.

    :ivar lab: the lab that they run in.
    """

    def __init__(self, lab: Lab, network: Network, settings: str) -> None:
        self.lab = lab
        self.network = network
        self.settings = settings

    def connect(self, number: int = 0, machine: str = "client") -> Peer:
        """Connect to one of the listeners, by TLS if it has that."""
        served = [one for one in self.lab.serving if one.name == "web"][number]
        if served.protocol == "http":
            return self.lab.connect("web", number, machine=machine)
        address = parse_address(served.address)
        assert isinstance(address, Internet)
        client = self.network.machine(machine)
        endpoint = TCP4ClientEndpoint(client.reactor, self.lab.machine.address, address.port)
        return Peer(client, wrapClientTLS(Lax("example.org"), endpoint))

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        *,
        host: str = "example.org",
        body: bytes | None = None,
        fields: Mapping[str, str] | None = None,
        number: int = 0,
        machine: str = "client",
    ) -> Reply:
        """Ask for a page by a connection of its own."""
        peer = self.connect(number, machine)
        said = {"Host": host, "Connection": "close", **(fields or {})}
        if body is not None:
            said.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        peer.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
        return reply(peer.receive_all())


class Sites(Protocol):
    """What the fixture :func:`sites` is."""

    def __call__(self, sites: str, listen: str = '["tcp:80"]', **options: Any) -> Web:
        """Run sites.

        :param sites: their tables; ``[NAME...]`` in them is short for ``[services.web.sites.NAME...]``.
        """
        ...


@pytest.fixture
def sites(lab: MakeLab, network: Network) -> Sites:
    """Runs sites."""

    def run(sites: str, listen: str = '["tcp:80"]', **options: Any) -> Web:
        settings = f"[services.web]\nlisten = {listen}\n{sites}"
        return Web(lab(settings, **options), network, settings)

    return run


def reply(said: bytes) -> Reply:
    """Read a response of which everything has come."""
    head, _, body = said.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    fields: dict[str, str] = {}
    for one in rest:
        name, _, value = one.partition(": ")
        name = name.lower()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return Reply(int(line.split()[1]), fields, body.decode())


Asked = Callable[..., Reply]
