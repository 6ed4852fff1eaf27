"""TLS that is started in mid-stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from twisted.internet.interfaces import IProducer, ISSLTransport
from zope.interface import implementer

from netforge.reactor.securing import Securing, SecuringFactory
from netforge.reactor.streams import Stream
from netforge.reactor.tcp import TCPStream
from netforge.reactor.unix import UNIXStream

__all__ = ["Beneath", "start_tls"]


class Beneath:
    """A stream as TLS sees it, beneath which nothing is encrypted.

    :ivar write: sends ciphertext.
    """

    def __init__(self, stream: Stream, write: Callable[[bytes], None]) -> None:
        self._stream = stream
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        Stream.loseConnection(self._stream)

    def abortConnection(self) -> None:
        Stream.abortConnection(self._stream)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        Stream.registerProducer(self._stream, producer, streaming)

    def unregisterProducer(self) -> None:
        Stream.unregisterProducer(self._stream)


class _Secure(Stream):
    """What a stream becomes by ``startTLS``: its methods are TLS's, and TLS calls the stream's."""

    __slots__ = ()

    TLS: ClassVar[bool] = True

    protocol: Securing

    def set_write(self, write: Callable[[bytes], None]) -> None:
        self.protocol.transport.write = write

    def loseConnection(self) -> None:
        if self.connected and not self.disconnecting:
            self.protocol.loseConnection()

    def abortConnection(self) -> None:
        if self.connected:
            self.protocol.abortConnection()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        self.protocol.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        self.protocol.unregisterProducer()

    def startTLS(self, contextFactory: Any, normal: bool = True) -> None:
        raise RuntimeError("TLS was started on this connection before")

    def getHandle(self) -> Any:
        return self.protocol.getHandle()

    def getPeerCertificate(self) -> Any:
        return self.protocol.getPeerCertificate()

    @property
    def negotiatedProtocol(self) -> bytes | None:
        return self.protocol.negotiatedProtocol


@implementer(ISSLTransport)
class _SecureTCPStream(_Secure, TCPStream):
    __slots__ = ()


@implementer(ISSLTransport)
class _SecureUNIXStream(_Secure, UNIXStream):
    __slots__ = ()


_SECURE: dict[type[Stream], type[Stream]] = {TCPStream: _SecureTCPStream, UNIXStream: _SecureUNIXStream}


def start_tls(stream: Stream, contextFactory: Any, *, client: bool) -> None:
    """Put TLS between a stream and its protocol.

    :param client: whether to be TLS's client.
    """
    producer, streaming = stream.producer, stream.streamingProducer
    if producer is not None:
        stream.unregisterProducer()
    tls = Securing(SecuringFactory(contextFactory, client, None, stream.reactor), stream.protocol, False)
    beneath = Beneath(stream, stream.write)
    stream.__class__ = _SECURE[type(stream)]
    stream.protocol = tls
    stream.write = tls.write
    tls.makeConnection(beneath)
    if producer is not None:
        stream.registerProducer(producer, streaming)
