"""TLS over streams."""

from __future__ import annotations

from typing import Any

import pytest
from OpenSSL.SSL import Error
from service_identity import VerificationError
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from tests.testing.behaviours.certificates import NAME, Identity, identity
from tests.testing.behaviours.recording import Attempts, Recorder, Serving
from tests.testing.behaviours.streams import TCP, Stream, listen, port_of, settle
from tests.testing.behaviours.worlds import World

# Twisted's own calls of pyOpenSSL.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def trusted() -> Identity:
    """A server that its client trusts."""
    return identity()


class Relay(Recorder):
    """Passes everything on, unless it is to be held back."""

    onward: Recorder
    holding = False

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if not self.holding:
            self.onward.transport.write(data)


async def encrypted(world: World, identity: Identity, server: Recorder, client: Recorder) -> None:
    """Connect these two with TLS, from endpoint to endpoint."""
    serving = Serving(world.client, lambda: server)
    port = await SSL4ServerEndpoint(world.server, 0, identity.server, interface=world.host).listen(serving)
    endpoint = TCP4ClientEndpoint(world.client, world.host, port_of(port))
    await connectProtocol(wrapClientTLS(identity.client, endpoint), client)
    await server.happened("made")
    world.opened += [server, client]


async def pair(world: World, identity: Identity) -> tuple[Recorder, Recorder]:
    server, client = Recorder(world.client), Recorder(world.client)
    await encrypted(world, identity, server, client)
    return server, client


async def exchange(server: Recorder, client: Recorder) -> None:
    """Greet each other."""
    client.transport.write(b"ping")
    assert (await server.received(4))[-4:] == b"ping"
    server.transport.write(b"pong")
    assert (await client.received(4))[-4:] == b"pong"


async def test_ends_talk_through_endpoints(world: World, trusted: Identity) -> None:
    server, client = await pair(world, trusted)
    await exchange(server, client)
    subject = client.transport.getPeerCertificate().to_cryptography().subject
    assert subject.rfc4514_string() == f"CN={NAME}"
    assert client.transport.getPeer() == server.transport.getHost()


async def test_ends_talk_through_the_reactor(world: World, trusted: Identity) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    port = world.server.listenSSL(0, Serving(world.client, lambda: server), trusted.server, interface=world.host)
    factory = Attempts(world.client, lambda: client)
    world.client.connectSSL(world.host, port_of(port), factory, trusted.client)
    await client.happened("made")
    await exchange(server, client)
    client.transport.loseConnection()
    await factory.happened("lost")
    assert [event[0] for event in factory.events] == ["started", "built", "lost"]
    await server.lost()


async def test_ends_talk_through_factories(world: World, trusted: Identity) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    serving = TLSMemoryBIOFactory(trusted.server, False, Serving(world.client, lambda: server), world.server)
    factory = Attempts(world.client, lambda: client)
    port = listen(world, serving)
    connecting = TLSMemoryBIOFactory(trusted.client, True, factory, world.client)
    world.client.connectTCP(world.host, port_of(port), connecting)
    await client.happened("made")
    await exchange(server, client)


async def test_a_stream_can_change_to_tls(stream: Stream, trusted: Identity) -> None:
    server, client = await stream.pair()
    client.transport.write(b"tls?")
    await server.received(4)
    server.transport.write(b"tls!")
    server.transport.startTLS(trusted.server)
    server.transport.write(b" hidden")
    await client.received(4)
    client.transport.startTLS(trusted.client)
    assert await client.received(11) == b"tls! hidden"
    client.transport.write(b" hidden, too")
    assert await server.received(16) == b"tls? hidden, too"


async def test_listeners_learn_of_the_handshake_before_any_data(world: World, trusted: Identity) -> None:
    @implementer(IHandshakeListener)
    class Listener(Recorder):
        def handshakeCompleted(self) -> None:
            self.note("handshake")

    server, client = Listener(world.client), Listener(world.client)
    await encrypted(world, trusted, server, client)
    await exchange(server, client)
    assert server.events == [("made",), ("handshake",), ("data", b"ping")]
    assert client.events == [("made",), ("handshake",), ("data", b"pong")]


async def test_both_ends_can_send_much_at_once(world: World, trusted: Identity) -> None:
    server, client = await pair(world, trusted)
    there, back = b"t" * MIB * 2, b"b" * MIB * 2
    client.transport.write(there)
    server.transport.write(back)
    assert await server.received(len(there)) == there
    assert await client.received(len(back)) == back


@pytest.mark.parametrize("closer", ["server", "client"])
async def test_closing_flushes_and_is_done_for_both(world: World, trusted: Identity, closer: str) -> None:
    server, client = await pair(world, trusted)
    await exchange(server, client)
    one, other = (server, client) if closer == "server" else (client, server)
    one.transport.write(bytes(MIB))
    one.transport.loseConnection()
    one.transport.write(b"too late")
    assert (await one.lost(), await other.lost()) == (ConnectionDone, ConnectionDone)
    assert len(other.data) == 4 + MIB


async def test_aborting_is_a_loss_for_both(world: World, trusted: Identity) -> None:
    server, client = await pair(world, trusted)
    await exchange(server, client)
    client.transport.abortConnection()
    assert await client.lost() is ConnectionLost
    # uvloop sends Twisted's close_notify before it aborts.
    assert await server.lost() is (ConnectionDone if world.on_uvloop else ConnectionLost)


async def test_a_paused_end_does_not_read_until_it_is_resumed(world: World, trusted: Identity) -> None:
    server, client = await pair(world, trusted)
    await exchange(server, client)
    server.transport.pauseProducing()
    client.transport.write(b"later")
    await settle(world)
    assert server.data == b"ping"
    server.transport.resumeProducing()
    assert await server.received(9) == b"pinglater"


async def relayed(world: World, identity: Identity) -> tuple[Recorder, Recorder, Relay, Relay]:
    """A server and a client, and what is between them: at the client's side and at the server's."""
    server, client = Recorder(world.client), Recorder(world.client)
    front, back = Relay(world.client), Relay(world.client)
    front.onward, back.onward = back, front
    serving = TLSMemoryBIOFactory(identity.server, False, Serving(world.client, lambda: server), world.server)
    _, behind = await TCP(world).listen(serving)
    await connectProtocol(behind, back)
    _, endpoint = await TCP(world).listen(Serving(world.client, lambda: front))
    await connectProtocol(wrapClientTLS(identity.client, endpoint), client)
    world.opened += [server, client, front, back]
    await exchange(server, client)
    return server, client, front, back


async def test_half_a_record_is_nothing_yet(world: World, trusted: Identity) -> None:
    server, client, front, back = await relayed(world, trusted)
    before = len(front.data)
    front.holding = True
    client.transport.write(b"hello")
    record = (await front.received(before + 1))[before:]
    back.transport.write(record[: len(record) // 2])
    await settle(world)
    assert server.data == b"ping"
    back.transport.write(record[len(record) // 2 :])
    assert await server.received(9) == b"pinghello"


async def test_an_end_without_a_goodbye_is_a_loss(world: World, trusted: Identity) -> None:
    server, client, front, back = await relayed(world, trusted)
    front.transport.loseConnection()
    back.transport.loseConnection()
    assert (await client.lost(), await server.lost()) == (ConnectionLost, ConnectionLost)


async def test_noise_ends_the_connection(world: World, trusted: Identity) -> None:
    server, client, _, back = await relayed(world, trusted)
    back.transport.write(b"this is no record")
    assert (await server.lost(), await client.lost()) == (Error, Error)


@pytest.mark.parametrize(
    ("made", "reasons"),
    [
        ({"begin": 2020, "end": 2021}, (Error, Error)),
        # Which is found out after the handshake, where there is no alert to send.
        ({"name": "somebody.else.test"}, (VerificationError, ConnectionLost)),
    ],
    ids=["expired", "of another"],
)
async def test_a_certificate_that_is_no_good_ends_the_connection(
    world: World, made: dict[str, Any], reasons: tuple[type[Exception], ...]
) -> None:
    server, client = await pair(world, identity(**made))
    client.transport.write(b"secret")
    assert (await client.lost(), await server.lost()) == reasons
    assert server.data == b""


async def test_a_certificate_that_nobody_trusts_ends_the_connection(world: World, trusted: Identity) -> None:
    server, client = await pair(world, Identity(identity().server, trusted.client))
    client.transport.write(b"secret")
    assert (await client.lost(), await server.lost()) == (Error, Error)
    assert server.data == b""


async def test_a_peer_that_speaks_no_tls_is_an_error(world: World, trusted: Identity) -> None:
    server, client = Recorder(world.client), Recorder(world.client)
    serving = TLSMemoryBIOFactory(trusted.server, False, Serving(world.client, lambda: server), world.server)
    _, endpoint = await TCP(world).listen(serving)
    await connectProtocol(endpoint, client)
    client.transport.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await server.lost(), await client.lost()) == (Error, ConnectionDone)
    assert server.events == [("made",), ("lost", Error)]
