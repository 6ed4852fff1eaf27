"""TLS by pyOpenSSL for what rides on uvloop: Twisted's, less what it does for each message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from OpenSSL.SSL import Error, WantReadError, ZeroReturnError
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure

from netforge.reactor.records import Records

__all__ = ["Securing", "SecuringFactory"]

# Of bytes. That much is encrypted before it is sent, and collected before it is encrypted.
_BATCH = 65_536
# What is asked of OpenSSL at once: no record holds more.
_RECORD = 16_384
# Room for a record or two of ciphertext.
_CIPHERTEXT = 32_768


class Securing(BufferingTLSTransport):
    """TLS between a stream and a protocol, which has it for its transport.

    What the protocol writes in ``dataReceived`` is encrypted together when that returns, and else in the next turn of
    the reactor, or once there is much of it. That is its own, and nothing of the aggregator that it would inherit.
    """

    _tlsConnection: Any
    _producer: Any
    _appSendBuffer: list[bytes]
    transport: Any
    wrappedProtocol: Any

    def __init__(self, factory: Any, wrappedProtocol: IProtocol, _connectWrapped: bool = True) -> None:
        TLSMemoryBIOProtocol.__init__(self, factory, wrappedProtocol, _connectWrapped)
        self._written: list[bytes] = []
        self._size = 0
        # Whether what is written will be encrypted without further ado.
        self._expected = False
        self._records = Records()

    def makeConnection(self, transport: Any) -> None:
        # Twisted's would declare each interface of the transport by itself, and ask OpenSSL what a server has to say
        # before its client has said anything.
        factory = cast(SecuringFactory, self.factory)
        self._tlsConnection = factory._creatorCallable(self)
        self._appSendBuffer = []
        if self._connectWrapped:
            ProtocolWrapper.makeConnection(self, transport)
        else:
            Protocol.makeConnection(self, transport)
            factory.registerProtocol(self)
        if factory.client:
            self._checkHandshakeStatus()

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        single = self._records.is_single(data)
        self._expected = True
        try:
            if not self._handshakeDone or self._appSendBuffer:
                super().dataReceived(data)
                return
            self._tlsConnection.bio_write(data)
            if not single or self._lostTLSConnection or self._aborted:
                self._flushReceiveBIO()
            else:
                self._receive_single()
        finally:
            self._encrypt()

    def _receive_single(self) -> None:
        """Receive one record: OpenSSL need not be asked for a second one, which takes as long as the first."""
        try:
            data = self._tlsConnection.recv(_RECORD)
        except (WantReadError, ZeroReturnError):
            # It was no data but TLS's own affair. OpenSSL says the same when asked again.
            self._flushReceiveBIO()
        except Error:
            self._tlsShutdownFinished(Failure())
        else:
            self.wrappedProtocol.dataReceived(data)

    # Writing.

    def write(self, data: bytes) -> None:
        if self.disconnecting and self._producer is None:
            return
        # Refuses text at once, and copies what may change.
        self._written.append(b"" + data)
        self._size += len(data)
        if self._size >= _BATCH or not self._handshakeDone:
            # In the latter case it waits for the handshake, and a producer is to pause.
            self._encrypt()
        elif not self._expected:
            self._expected = True
            cast(Any, self.factory)._clock.loop.call_soon(self._encrypt)

    def writeSequence(self, sequence: Iterable[bytes]) -> None:
        self.write(b"".join(sequence))

    def _encrypt(self) -> None:
        """Send all that was written."""
        self._expected = False
        if self._written:
            written, self._written, self._size = self._written, [], 0
            self._write(written[0] if len(written) == 1 else b"".join(written))

    def _write(self, data: bytes) -> None:
        if self._lostTLSConnection:
            return
        if self._appSendBuffer:
            self._bufferedWrite(data)
            return
        left, size = memoryview(data), len(data)
        sent = flushed = 0
        try:
            while sent < size:
                # OpenSSL makes one record of it at a time.
                sent += self._tlsConnection.send(left[sent:] if sent else data)
                if sent - flushed >= _BATCH or sent == size:
                    flushed = sent
                    self._flushSendBIO()
        except WantReadError:
            self._bufferedWrite(data[sent:])
            # OpenSSL may wait for an answer to what it has made so far.
            self._flushSendBIO()
        except Error:
            self._tlsShutdownFinished(Failure())

    def _flushSendBIO(self) -> None:
        """Send the ciphertext that there is, and with it what was written."""
        if self._written:
            self._encrypt()
        try:
            ciphertext = self._tlsConnection.bio_read(_CIPHERTEXT)
            while len(ciphertext) == _CIPHERTEXT:
                self.transport.write(ciphertext)
                ciphertext = self._tlsConnection.bio_read(_CIPHERTEXT)
        except WantReadError:
            return
        self.transport.write(ciphertext)

    def unregisterProducer(self) -> None:
        self._encrypt()
        super().unregisterProducer()

    # The end.

    def _shutdownTLS(self) -> None:
        # Nothing can be sent after it.
        self._encrypt()
        super()._shutdownTLS()

    def loseConnection(self) -> None:
        self._encrypt()
        TLSMemoryBIOProtocol.loseConnection(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        TLSMemoryBIOProtocol.connectionLost(self, reason)

    def abortConnection(self) -> None:
        # Without Twisted's close_notify, which would have the peer believe in an orderly end.
        self._aborted = self.disconnecting = True
        self.transport.abortConnection()


class SecuringFactory(TLSMemoryBIOFactory):
    """Wraps the protocols of a factory in TLS.

    :param contextFactory: makes the contexts or the connections of OpenSSL, as for ``TLSMemoryBIOFactory``.
    :param client: whether these are clients of TLS.
    :param wrapped: the factory.
    :param reactor: a ``ForgeReactor``.
    """

    protocol = Securing

    def __init__(self, contextFactory: Any, client: bool, wrapped: Any, reactor: Any) -> None:
        super().__init__(contextFactory, client, wrapped, reactor)
        self.client = client
