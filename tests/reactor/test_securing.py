"""What TLS sends in how many writes, without a socket: its client is OpenSSL's."""

from __future__ import annotations

import datetime
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL.SSL import TLS_METHOD, Connection, Context, Error, WantReadError, ZeroReturnError
from twisted.internet.error import ConnectionDone
from twisted.internet.ssl import ContextFactory
from twisted.python.failure import Failure

from netforge.reactor.securing import SecuringFactory

MOST = 65_536


class Contexts(ContextFactory):
    """Makes contexts with a fresh certificate."""

    def getContext(self) -> Any:  # noqa: N802  Twisted's
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([])
        start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2120))
        context = Context(TLS_METHOD)
        context.use_privatekey(key)
        context.use_certificate(builder.sign(key, hashes.SHA256()))
        return context


class Wire:
    """A server over TLS, and its client, who has yet to send the last that it says in the handshake.

    :ivar application: what the server does.
    :ivar written: what the server has written since, write by write.
    :ivar closed: whether it has closed the connection.
    """

    def __init__(self, application: Any, once: Any) -> None:
        self.application = application
        self.written: list[bytes] = []
        self.closed = False
        self.client = Connection(Context(TLS_METHOD))
        self.client.set_connect_state()
        self.server: Any = SecuringFactory(Contexts(), False, once(application), self).buildProtocol(None)
        self.server.makeConnection(self)
        self._shake_hands()
        self.server.dataReceived(self.client.bio_read(MOST))
        self.client.bio_write(self.written.pop())
        self._shake_hands()

    def _shake_hands(self) -> None:
        with suppress(WantReadError):
            self.client.do_handshake()

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def loseConnection(self) -> None:  # noqa: N802  Twisted's
        self.closed = True


@pytest.fixture
def wire(tools: Any) -> Wire:
    return Wire(tools.Recorder(data=lambda self, data: self.transport.write(data.upper())), tools.Once)


def test_a_server_says_nothing_before_its_client(wire: Wire) -> None:
    # Its whole answer to the client's hello was one write.
    assert wire.written == []


def test_the_first_answer_goes_with_what_ends_the_handshake(wire: Wire) -> None:
    wire.client.send(b"hello")
    wire.server.dataReceived(wire.client.bio_read(MOST))
    [answer] = wire.written
    wire.client.bio_write(answer)
    assert wire.client.recv(100) == b"HELLO"


def test_an_answer_is_sent_though_the_client_closes_at_once(wire: Wire) -> None:
    wire.client.send(b"hello")
    wire.client.shutdown()
    wire.server.dataReceived(wire.client.bio_read(MOST))
    assert wire.closed
    wire.client.bio_write(b"".join(wire.written))
    assert wire.client.recv(100) == b"HELLO"
    with pytest.raises(ZeroReturnError):
        wire.client.recv(100)
    wire.server.connectionLost(Failure(ConnectionDone()))
    assert wire.application.reason.type is ConnectionDone


def test_an_alert_is_sent_though_an_answer_is_lost(wire: Wire) -> None:
    wire.server.dataReceived(wire.client.bio_read(MOST))
    wire.client.send(b"hello")
    record = wire.client.bio_read(MOST)
    wire.server.dataReceived(record + record)
    assert wire.closed
    wire.client.bio_write(b"".join(wire.written))
    with pytest.raises(Error, match="bad record mac"):
        wire.client.recv(100)


def test_what_openssl_took_is_sent_though_it_takes_no_more_for_now(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.server.dataReceived(wire.client.bio_read(MOST))
    tls = wire.server._tlsConnection
    answers = [tls.send]

    def send(data: bytes) -> Any:
        if not answers:
            raise WantReadError
        return answers.pop()(data)

    with monkeypatch.context() as patched:
        patched.setattr(tls, "send", send)
        wire.application.transport.write(bytes(MOST))
    wire.client.bio_write(b"".join(wire.written))
    assert wire.client.recv(MOST) == bytes(16_384)
    # Whatever comes, OpenSSL is asked again.
    wire.written.clear()
    wire.client.send(b"!")
    wire.server.dataReceived(wire.client.bio_read(MOST))
    wire.client.bio_write(b"".join(wire.written))
    assert wire.client.recv(MOST) == bytes(16_384)
