"""WebSockets of a site."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.websocket import Closed, Refused, WebSocket, connect
from netforge.testing import Network, WebClient
from netforge.web import Site


async def echo(socket: WebSocket, room: str, times: int = 1) -> None:
    async for message in socket:
        socket.send(f"{room}: {message!r}" * times)


def site(**options: Any) -> Site:
    made = Site(**options)
    made.websocket("/rooms/{room}", "chat.2", "chat.1")(echo)
    return made


def speak(network: Network, path: str, **options: Any) -> WebSocket:
    client = network.machine("client").reactor
    endpoint = HostnameEndpoint(client, "web.example", 80)
    connecting = connect(endpoint, f"ws://web.example{path}", clock=client, entropy=lambda size: b"e" * size, **options)
    return network.run_until(connecting)


def test_a_handler_speaks_with_a_client(network: Network) -> None:
    WebClient(network, site())
    socket = speak(network, "/rooms/tea?times=2", subprotocols=["chat.9", "chat.1", "chat.2"])
    assert socket.subprotocol == "chat.1"
    socket.send("hello")
    assert network.run_until(socket.receive()) == "tea: 'hello'tea: 'hello'"
    socket.close()
    network.run(1)
    assert socket.closed
    assert socket.closed.code == 1000


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/rooms/tea", "https://evil.example", 403),
        ("/rooms/tea?times=many", None, 422),
        ("/nowhere", None, 404),
    ],
)
def test_who_may_not_connect_hears_why(network: Network, path: str, origin: str | None, status: int) -> None:
    WebClient(network, site())
    with pytest.raises(Refused) as refused:
        speak(network, path, origin=origin)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "origin", ["http://web.example", "https://web.example", "https://friend.example", "https://FRIEND.example"]
)
def test_trusted_origins_connect_beside_ones_own(network: Network, origin: str) -> None:
    WebClient(network, site(trusted_origins=["https://friend.example"]))
    assert speak(network, "/rooms/tea", origin=origin).closed is None


def test_a_handler_that_raises_ends_its_socket(network: Network) -> None:
    made = Site()

    async def fail(socket: WebSocket) -> None:
        raise KeyError("oops")

    made.websocket("/")(fail)
    WebClient(network, made)
    socket = speak(network, "/")
    with pytest.raises(Closed) as closed:
        network.run_until(socket.receive())
    assert closed.value.code == 1011
    assert "oops" in str(network.failures.pop())


def test_other_requests_are_told_what_is_there(network: Network) -> None:
    client = WebClient(network, site())
    assert client.get("/rooms/tea").status == 426
    refused = client.post("/rooms/tea")
    assert (refused.status, refused.header("allow")) == (405, "OPTIONS")


def test_the_parameter_is_where_it_belongs() -> None:
    for add in (Site().get, Site().websocket):
        with pytest.raises(TypeError, match="one parameter of that type"):
            add("/")(echo_of_nothing if add.__name__ == "websocket" else lonely)


async def lonely(socket: WebSocket) -> None:
    raise NotImplementedError


async def echo_of_nothing() -> None:
    raise NotImplementedError


def test_a_page_and_a_socket_may_share_a_path(network: Network) -> None:
    made = Site()
    made.get("/")(lambda: "page")

    async def hello(socket: WebSocket) -> None:
        socket.send("hello")

    made.websocket("/")(hello)
    client = WebClient(network, made)
    assert client.get("/").text == "page"
    assert network.run_until(speak(network, "/").receive()) == "hello"
