from __future__ import annotations

import datetime
import socket
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL.SSL import Connection, WantReadError
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, ISSLTransport
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS
from zope.interface import implementer

from twisted import internet

pytestmark = [
    pytest.mark.real,
    # Twisted's certificates do what pyOpenSSL deprecates.
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]

MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def private() -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server.test")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2120))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("server.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return PrivateCertificate.loadPEM(pem + certificate.public_bytes(encoding))


@pytest.fixture
def server_tls(private: Any) -> Any:
    return private.options()


@pytest.fixture
def client_tls(private: Any) -> Any:
    return optionsForClientTLS("server.test", Certificate.loadPEM(private.dumpPEM()))


def test_tls_from_the_beginning(run: Any, tools: Any, server_tls: Any, client_tls: Any) -> None:
    server, client = tools.Recorder(data=lambda self, data: self.transport.write(data)), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenSSL(0, tools.Once(server), server_tls, interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), client_tls)
        await server.made
        await client.made
        client.transport.write(MEGABYTE)
        await client.received(len(MEGABYTE))
        await tools.end(port, client, server)

    run(scenario)
    assert client.data == MEGABYTE


def test_tls_on_an_adopted_connection_that_is_written_to_and_closed_at_once(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tools.Recorder(made=lambda self: self.transport.startTLS(server_tls))
    client = tools.Recorder(made=lambda self: self.transport.startTLS(client_tls, False))

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for one in (ours, theirs):
                one.setblocking(False)
            transport = reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, tools.Once(server))
            reactor.adoptStreamConnection(theirs.fileno(), socket.AF_UNIX, tools.Once(client))
        transport.write(b"secret")
        transport.loseConnection()
        await server.lost
        await client.lost

    run(scenario)
    assert client.data == b"secret"
    assert client.reason.type is ConnectionDone


@pytest.mark.parametrize("normal", [True, False])
def test_tls_started_in_mid_stream(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, private: Any, normal: bool
) -> None:
    def start_server(self: Any, data: bytes) -> None:
        if data == b"STARTTLS":
            if normal:
                self.transport.write(b"go")
            self.transport.startTLS(server_tls if normal else client_tls, normal)
        else:
            self.transport.write(data)

    def start_client(self: Any, data: bytes = b"go") -> None:
        if data == b"go":
            self.transport.startTLS(client_tls if normal else server_tls, normal)
            self.transport.write(MEGABYTE)

    server, client = tools.Recorder(data=start_server), tools.Recorder(data=start_client)

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        assert not client.transport.TLS
        client.transport.write(b"STARTTLS")
        if not normal:
            # TLS's server says nothing before its client does.
            start_client(client)
        await client.received(len(MEGABYTE) + (2 if normal else 0))
        for one in (server.transport, client.transport):
            assert one.TLS
            assert ISSLTransport.providedBy(one)
        proven = client if normal else server
        assert Certificate.peerFromTransport(proven.transport) == Certificate.loadPEM(private.dumpPEM())
        await tools.end(port, client, server)

    run(scenario)
    assert client.data == (b"go" if normal else b"") + MEGABYTE
    assert server.data == b"STARTTLS" + MEGABYTE


def test_a_producer_is_handed_on_when_tls_is_started(run: Any, tools: Any, server_tls: Any, client_tls: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> Any:
        port = await tools.pair(reactor, server, client)
        producer = tools.Push(reactor, client.transport, 50)
        client.transport.registerProducer(producer, True)
        server.transport.startTLS(server_tls)
        client.transport.startTLS(client_tls)
        # Nothing can be sent before the handshake.
        producer.go()
        assert producer.paused
        await producer.done
        client.transport.loseConnection()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert len(server.data) == 50 * 65_536


def test_a_certificate_that_is_not_trusted_ends_both_sides(run: Any, tools: Any, server_tls: Any) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = await tools.pair(reactor, server, client)
        server.transport.startTLS(server_tls)
        client.transport.startTLS(optionsForClientTLS("server.test"))
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert "certificate verify failed" in str(client.reason.value)
    # It was told why.
    assert "unknown ca" in str(server.reason.value)


def test_tls_over_a_unix_socket(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        port = reactor.listenUNIX("socket", tools.Once(server))
        reactor.connectUNIX("socket", tools.ConnectOnce(client))
        await server.made
        await client.made
        server.transport.startTLS(server_tls)
        client.transport.startTLS(client_tls)
        client.transport.write(MEGABYTE)
        await server.received(len(MEGABYTE))
        await tools.end(port, client, server)

    run(scenario)
    assert server.data == MEGABYTE


def test_what_is_written_in_many_pieces_arrives_in_order(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(self: Any, data: bytes) -> None:
        for octet in data[:512]:
            self.transport.write(bytes([octet]))
        self.transport.writeSequence([data[512:1024], b"", data[1024:]])

    server, client = tools.Recorder(data=answer), tools.Recorder()
    # A record holds 16,384 bytes.
    sizes = (1, 2, 700, 16_384, 16_385, 100_000, 1)

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = reactor.listenSSL(0, tools.Once(server), server_tls, interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), client_tls)
        await client.made
        for size in sizes:
            before = len(client.data)
            client.transport.write(MEGABYTE[:size])
            await client.received(before + size)
        with pytest.raises(TypeError):
            client.transport.write("text")
        await tools.end(port, client, server)

    run(scenario)
    assert client.data == server.data == b"".join(MEGABYTE[:size] for size in sizes)


def test_what_is_written_before_closing_arrives(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(self: Any, data: bytes) -> None:
        self.transport.write(MEGABYTE)
        self.transport.write(b"end")
        self.transport.loseConnection()
        self.transport.write(b"late")

    server, client = tools.Recorder(data=finish), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = reactor.listenSSL(0, tools.Once(server), server_tls, interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), client_tls)
        await client.made
        client.transport.write(b"?")
        await client.lost
        await server.lost
        await port.stopListening()

    run(scenario)
    assert client.data == MEGABYTE + b"end"
    assert client.reason.type is server.reason.type is ConnectionDone


def test_a_protocol_over_tls_that_aborts_hears_no_more(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = tools.Recorder(data=lambda self, _: self.transport.abortConnection()), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = reactor.listenSSL(0, tools.Once(server), server_tls, interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), client_tls)
        await client.made
        client.transport.write(MEGABYTE)
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert server.calls == ["made", "data", "lost"]
    assert client.reason.type is ConnectionLost


def test_who_aborts_after_tls_was_started_resets_the_connection(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = await tools.pair(reactor, server, client)
        server.transport.startTLS(server_tls)
        client.transport.startTLS(client_tls)
        client.transport.write(b"?")
        await server.received(1)
        client.transport.pauseProducing()
        server.transport.write(MEGABYTE * 8)
        server.transport.abortConnection()
        await server.lost
        client.transport.resumeProducing()
        await client.lost
        await port.stopListening()

    run(scenario)
    assert client.reason.type is ConnectionLost
    assert len(client.data) < 8 * len(MEGABYTE)


def test_what_was_written_is_sent_though_the_peer_has_closed(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = await tools.pair(reactor, server, client)
        server.transport.startTLS(server_tls)
        client.transport.startTLS(client_tls)
        client.transport.write(b"?")
        await server.received(1)
        client.transport.pauseProducing()
        server.transport.write(MEGABYTE * 8)
        client.transport.loseConnection()
        await tools.turns(reactor, 20)
        client.transport.resumeProducing()
        await server.lost
        await client.lost
        await port.stopListening()

    run(scenario)
    assert client.data == MEGABYTE * 8


@implementer(IOpenSSLServerConnectionCreator)
class Hesitating:
    """Makes connections of OpenSSL which once want to read before they send any more, as when keys are negotiated."""

    def __init__(self, options: Any) -> None:
        self._context = options.getContext()
        self._answers = [True, False]

    def serverConnectionForTLS(self, tls: object) -> Any:  # noqa: N802  Twisted's
        self._connection = Connection(self._context, None)
        return self

    def send(self, data: Any) -> int:
        if self._answers and not self._answers.pop(0):
            raise WantReadError
        return self._connection.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_what_openssl_does_not_take_yet_is_sent_later(
    run: Any, tools: Any, server_tls: Any, client_tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = tools.Recorder(), tools.Recorder()

    async def scenario(reactor: Any) -> None:
        # Twisted's TLS writes by the clock of the global reactor.
        monkeypatch.setattr(internet, "reactor", reactor, raising=False)
        port = reactor.listenSSL(0, tools.Once(server), Hesitating(server_tls), interface="127.0.0.1")
        reactor.connectSSL("127.0.0.1", port.getHost().port, tools.ConnectOnce(client), client_tls)
        await client.made
        client.transport.write(b"?")
        await server.received(1)
        server.transport.write(MEGABYTE)
        await tools.turns(reactor)
        client.transport.write(b"!")
        await client.received(len(MEGABYTE))
        await tools.end(port, client, server)

    run(scenario)
    assert client.data == MEGABYTE
