"""Twisted's AMP, and treq against twisted.web, as they are."""

from typing import Any, ClassVar

from treq.client import HTTPClient
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.protocols import amp
from twisted.web.client import Agent
from twisted.web.resource import Resource
from twisted.web.server import Site

from netforge.testing import Network


class Sum(amp.Command):
    arguments: ClassVar[Any] = [(b"a", amp.Integer()), (b"b", amp.Integer())]
    response: ClassVar[Any] = [(b"total", amp.Integer())]


class Summing(amp.AMP):
    @Sum.responder
    def add(self, a: int, b: int) -> dict[str, int]:
        return {"total": a + b}


def test_amp(network: Network) -> None:
    network.machine("server").reactor.listenTCP(1234, Factory.forProtocol(Summing))

    async def ask() -> Any:
        endpoint = HostnameEndpoint(network.machine("client").reactor, "server", 1234)
        protocol = await connectProtocol(endpoint, amp.AMP())
        return await protocol.callRemote(Sum, a=2, b=3)

    assert network.run_until(ask()) == {"total": 5}


class Hello(Resource):
    isLeaf = True  # noqa: N815  twisted.web's

    def render_GET(self, request: Any) -> bytes:  # noqa: N802  twisted.web's
        return b"hello"


def test_treq(network: Network) -> None:
    reactor: Any = network.machine("www.example.com").reactor
    reactor.listenTCP(80, Site(Hello(), reactor=reactor))

    async def ask() -> str:
        response = await HTTPClient(Agent(network.machine("client").reactor)).get("http://www.example.com/")
        text: str = await response.text()
        return text

    assert network.run_until(ask()) == "hello"
