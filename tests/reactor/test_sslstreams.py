"""TLS by uvloop, which only ours has. The peers speak Twisted's."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.logger import LogEvent

pytestmark = [
    pytest.mark.real,
    # Twisted's certificates do what pyOpenSSL deprecates.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server.test")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2120))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("server.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + certificate.public_bytes(encoding))
    return path


@pytest.fixture
def context(pem: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(pem)
    return made


@pytest.fixture
def converse(drive_forge: Any, tools: Any, context: ssl.SSLContext, pem: Path, caplog: pytest.LogCaptureFixture) -> Any:
    """Connects a server and a client, and lets a scenario run with both until both are lost. asyncio logs nothing."""

    def converse(server: Any, client: Any, scenario: Any, trust: Any = None, protocols: Any = None) -> None:
        trusted = Certificate.loadPEM(pem.read_bytes())
        options = optionsForClientTLS("server.test", trusted, acceptableProtocols=protocols)

        async def run(reactor: Any) -> None:
            port = reactor.listenSSL(0, tools.Once(server), context, interface="127.0.0.1")
            reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), options)
            await server.made
            await client.made
            await scenario(reactor)
            for one in (server, client):
                if not one.lost.called:
                    await one.lost
            await port.stopListening()

        drive_forge(run)
        assert not caplog.records

    return converse


def test_both_sides_can_send_much_and_either_can_close(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(data=lambda self, data: self.transport.write(data)), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.write(MEGABYTE * 4)
        await client.received(4 * len(MEGABYTE))
        client.transport.loseConnection()

    converse(server, client, scenario)
    assert client.data == server.data == MEGABYTE * 4
    assert server.reason.type is client.reason.type is ConnectionDone


def test_all_that_is_written_is_sent_before_the_end_while_the_peer_still_sends(converse: Any, tools: Any) -> None:
    server = tools.Recorder()
    client = tools.Recorder(data=lambda self, data: self.transport.write(data))

    async def scenario(reactor: Any) -> None:
        client.transport.pauseProducing()
        server.transport.write(MEGABYTE * 8)
        server.transport.loseConnection()
        server.transport.write(b"late")
        await tools.turns(reactor, 10)
        client.transport.resumeProducing()

    converse(server, client, scenario)
    assert client.data == MEGABYTE * 8
    assert server.calls == ["made", "lost"]


@pytest.mark.parametrize("size", [1000, len(MEGABYTE)])
@pytest.mark.parametrize("pauses", ["at once", "while it receives"])
def test_who_pauses_reads_all_in_the_end(converse: Any, tools: Any, pauses: str, size: int) -> None:
    client = tools.Recorder()
    reaction = {"made" if pauses == "at once" else "data": lambda self, *_: self.transport.pauseProducing()}
    server = tools.Recorder(**reaction)

    async def scenario(reactor: Any) -> None:
        client.transport.write(b"first")
        if pauses != "at once":
            await server.received(5)
        client.transport.write(MEGABYTE[:size])
        client.transport.loseConnection()
        # What TLS rides on: its end comes before the answer to close_notify.
        client.transport.transport.loseWriteConnection()
        await tools.turns(reactor, 20)
        assert server.data == (b"" if pauses == "at once" else b"first")
        assert not server.lost.called
        server._reactions.clear()
        server.transport.resumeProducing()

    converse(server, client, scenario)
    assert server.data == b"first" + MEGABYTE[:size]
    assert server.reason.type is ConnectionDone


def test_who_resumes_and_pauses_in_one_turn_reads_all_in_the_end(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(made=lambda self: self.transport.pauseProducing()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.write(MEGABYTE[:1000])
        client.transport.loseConnection()
        # What TLS rides on: its end comes before the answer to close_notify.
        client.transport.transport.loseWriteConnection()
        server.transport.resumeProducing()
        server.transport.pauseProducing()
        await tools.turns(reactor, 20)
        assert not server.lost.called
        server.transport.resumeProducing()

    converse(server, client, scenario)
    assert server.data == MEGABYTE[:1000]


def test_the_answer_to_close_notify_is_read_however_long_it_takes_to_send(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.pauseProducing()
        # The first is the kernel's and uvloop's to send, the second is still TLS's.
        server.transport.write(MEGABYTE * 8)
        server.transport.write(b"last")
        server.transport.loseConnection()
        await tools.turns(reactor, 10)
        client.transport.resumeProducing()

    converse(server, client, scenario)
    assert client.data == MEGABYTE * 8 + b"last"
    assert server.reason.type is ConnectionDone


def test_what_is_written_after_the_end_is_dropped(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.pauseProducing()
        server.transport.write(MEGABYTE * 8)
        client.transport.loseConnection()
        while not server.transport.disconnecting:
            await tools.turns(reactor, 1)
        assert server.transport not in reactor.getReaders()
        for _ in range(10):
            server.transport.write(b"late")
        client.transport.resumeProducing()

    converse(server, client, scenario)
    assert client.data == MEGABYTE * 8


def test_garbage_is_an_error_of_tls(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # What TLS rides on.
        client.transport.transport.write(b"\x17\x03\x03\x00\x20" + bytes(32))

    converse(server, client, scenario)
    assert issubclass(server.reason.type, ssl.SSLError)


def test_who_aborts_knows_even_if_tls_has_failed_already(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        server.transport.abortConnection()
        # As uvloop does, which had found that before.
        server.transport.connection_lost(ssl.SSLError())

    converse(server, client, scenario)
    assert server.reason.type is ConnectionAborted


def test_a_lost_connection_still_has_its_names(converse: Any, tools: Any) -> None:
    seen: list[Any] = []

    def note(self: Any) -> None:
        seen.append((self.transport.getHost(), self.transport.getPeer()))

    server, client = tools.Recorder(made=note, lost=note), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.loseConnection()
        await server.lost
        note(server)
        for call in ("pauseProducing", "resumeProducing", "loseConnection", "abortConnection"):
            getattr(server.transport, call)()

    converse(server, client, scenario)
    assert len(seen) == 3
    assert set(seen) == {(client.transport.getPeer(), client.transport.getHost())}


@pytest.mark.parametrize("call", ["pauseProducing", "resumeProducing", "loseConnection", "abortConnection", "getPeer"])
def test_what_is_called_before_the_loss_is_told_does_no_harm(converse: Any, tools: Any, call: str) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # What TLS rides on.
        client.transport.transport.abortConnection()
        while server.transport.fileno() != -1:
            await tools.turns(reactor, 1)
        assert not server.lost.called
        getattr(server.transport, call)()

    converse(server, client, scenario)
    assert server.reason.type is ConnectionLost


def test_an_end_without_close_notify_is_a_loss(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # What TLS rides on.
        client.transport.transport.loseConnection()

    converse(server, client, scenario)
    assert server.reason.type is ConnectionLost


def test_who_aborts_knows_and_the_peer_has_lost_it(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(data=lambda self, _: self.transport.abortConnection()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.write(MEGABYTE)

    converse(server, client, scenario)
    assert server.calls == ["made", "data", "lost"]
    assert (server.reason.type, client.reason.type) == (ConnectionAborted, ConnectionLost)


def test_what_data_received_raises_ends_the_connection(converse: Any, tools: Any, errors: list[Exception]) -> None:
    error = ValueError("of the application")

    def fail(self: Any, data: bytes) -> None:
        raise error

    server, client = tools.Recorder(data=fail), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.write(b"?")

    converse(server, client, scenario)
    assert server.reason.value is error
    assert errors == [error]


class Pull:
    """Writes a chunk each time it is asked."""

    left = 100

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.done: Deferred[None] = Deferred()

    def resumeProducing(self) -> None:
        self.consumer.write(bytes(65_536))
        self.left -= 1
        if not self.left:
            self.consumer.unregisterProducer()
            self.done.callback(None)

    def stopProducing(self) -> None:
        raise AssertionError("it is never lost")


@pytest.mark.parametrize("streaming", [True, False])
def test_producers_are_paced(converse: Any, tools: Any, streaming: bool) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        producer: Any = tools.Push(reactor, server.transport, 100) if streaming else Pull(server.transport)
        client.transport.pauseProducing()
        server.transport.registerProducer(producer, streaming)
        if streaming:
            producer.go()
        await tools.turns(reactor, 300)
        assert producer.left
        client.transport.resumeProducing()
        await producer.done
        server.transport.loseConnection()

    converse(server, client, scenario)
    assert len(client.data) == 100 * 65_536


def test_a_pull_producer_is_asked_for_the_rest_before_the_end(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        server.transport.registerProducer(Pull(server.transport), False)
        server.transport.loseConnection()

    converse(server, client, scenario)
    assert len(client.data) == 100 * 65_536


def test_a_push_producer_goes_on_in_vain_after_the_end(converse: Any, tools: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        client.transport.pauseProducing()
        server.transport.registerProducer(tools.Push(reactor, server.transport, 1), True)
        server.transport.write(b"all")
        server.transport.loseConnection()
        await tools.turns(reactor)
        for _ in range(10):
            server.transport.write(b"late")
        client.transport.resumeProducing()

    converse(server, client, scenario)
    assert client.data == b"all"


def test_it_tells_what_was_negotiated(converse: Any, tools: Any, context: ssl.SSLContext) -> None:
    context.set_alpn_protocols(["h2", "http/1.1"])
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        assert server.transport.TLS
        assert server.transport.negotiatedProtocol == b"h2"
        assert server.transport.getPeerCertificate() is None
        with pytest.raises(RuntimeError):
            server.transport.startTLS(context)
        server.transport.loseWriteConnection()
        assert ISSLTransport.providedBy(server.transport)

    converse(server, client, scenario, protocols=[b"h2"])
    assert client.reason.type is ConnectionDone


def test_who_cannot_shake_hands_never_reaches_the_factory(
    drive_forge: Any, tools: Any, context: Any, events: list[LogEvent], caplog: pytest.LogCaptureFixture
) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenSSL(0, tools.Once(server), context, interface="127.0.0.1")
        reactor.connectTCP("127.0.0.1", port.getHost().port, tools.ConnectOnce(client))
        await client.made
        client.transport.write(b"GET / HTTP/1.1")
        await client.lost
        await port.stopListening()

    drive_forge(scenario)
    assert server.calls == []
    assert not caplog.records
    assert any("(TLS Port " in str(event.get("log_text")) for event in events)
