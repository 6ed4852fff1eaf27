"""Responses, whose bodies are read as fast as somebody takes them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from email.message import Message
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from netforge.plugin import IReply, IStreamTransport, OutboundFailed, OutboundStage, OutboundTooLarge
from netforge.shared.outbound.decoding import Decoder, TooLarge, decoder_of
from netforge.shared.outbound.watch import Watch

__all__ = ["Incoming", "Reply"]

#: Bytes that wait to be read before the server is made to wait.
ROOM = 64 * 1024


class Incoming(Protocol):
    """The body of a response as it is sent.

    :param watch: is ended when it is over.
    :param cut: ends the connection.
    :param over: called once, when the connection is of use for another request, or gone.
    """

    transport: IStreamTransport

    def __init__(self, watch: Watch, where: str, cut: Callable[[], object], over: Callable[[], object]) -> None:
        self._watch = watch
        self._where = where
        self._cut = cut
        self._over = over
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._ended = False
        self._failed: Exception | None = None
        self._waiting: Deferred[bytes] | None = None
        watch.rest()
        watch.close = self.close

    def take(self) -> Deferred[bytes]:
        """The next piece; none at the end."""
        if self._waiting is not None:
            raise RuntimeError("the last piece has not come yet")
        if self._pieces:
            piece = self._pieces.popleft()
            self._size -= len(piece)
            if self._paused and self._size < ROOM:
                self._paused = False
                self.transport.resumeProducing()
            return succeed(piece)
        if self._ended:
            return succeed(b"") if self._failed is None else fail(self._failed)
        self._waiting = Deferred(self._cancelled)
        self._watch.enter("body")
        return self._waiting

    def close(self) -> None:
        """Take no more. Does nothing after the end."""
        if not self._ended:
            self._cut()
            self._end(self._watch.late or OutboundFailed(f"{self._where}: the reply was closed", "body"))

    def dataReceived(self, data: bytes) -> None:
        """Keep it for who reads."""
        if self._ended:
            return
        self._watch.rest()
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(data)
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= ROOM and not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The body is complete, or is not."""
        # A body without a length ends where the connection does: nobody can tell whether that is all.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._end(None)
        else:
            self._end(OutboundFailed(f"{self._where}: the connection was lost before the end of the response", "body"))

    def _cancelled(self, _: object) -> None:
        self._waiting = None
        self.close()

    def _end(self, failed: Exception | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._failed = failed
        self._watch.end()
        self._over()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and failed is not None:
            waiting.errback(failed)
        elif waiting is not None:
            waiting.callback(b"")


@implementer(IReply)
class Reply:
    """See :class:`netforge.plugin.IReply`.

    :param response: what Twisted's client has; its body is not there.
    :param incoming: its body.
    :param decode: whether to undo what Content-Encoding says.
    :raises OutboundFailed: if that is nonsense.
    """

    def __init__(self, response: IResponse, incoming: Incoming, url: str, watch: Watch, *, decode: bool) -> None:
        self.response = response
        _, major, minor = response.version
        self.status: int = response.code
        self.reason = response.phrase.decode("latin-1")
        self.version = f"HTTP/{major}.{minor}"
        self.headers: Sequence[tuple[str, str]] = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, values in response.headers.getAllRawHeaders()
            for value in values
        ]
        self.url = url
        self.length: int | None = None if response.length is UNKNOWN_LENGTH else response.length
        self.timing: Mapping[OutboundStage, float] = watch.took
        self._incoming = incoming
        self._decoder: Decoder | None = None
        self._decoded: Iterator[bytes] = iter(())
        if decode:
            try:
                self._decoder = decoder_of(self.header("content-encoding"))
            except ValueError as error:
                self.close()
                raise self._broken(error) from None

    def __repr__(self) -> str:
        return f"<Reply {self.status} from {self.url}>"

    def __del__(self) -> None:
        if hasattr(self, "_incoming"):
            self.close()

    def header(self, name: str, default: str = "") -> str:
        """See :meth:`netforge.plugin.IReply.header`."""
        values = [value for one, value in self.headers if one == name.lower()]
        return ", ".join(values) if values else default

    def read(self) -> Deferred[bytes]:
        """See :meth:`netforge.plugin.IReply.read`."""
        return self._incoming.take() if self._decoder is None else Deferred.fromCoroutine(self._read(self._decoder))

    async def _read(self, decoder: Decoder) -> bytes:
        try:
            while True:
                for piece in self._decoded:
                    return piece
                data = await self._incoming.take()
                if not data:
                    decoder.finish()
                    return b""
                self._decoded = decoder.feed(data)
        except ValueError as error:
            self.close()
            raise self._broken(error) from None

    def body(self, most: int) -> Deferred[bytes]:
        """See :meth:`netforge.plugin.IReply.body`."""
        return Deferred.fromCoroutine(self._body(most))

    async def _body(self, most: int) -> bytes:
        pieces = []
        left = most
        while piece := await self.read():
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                self.close()
                raise OutboundTooLarge(f"{self.url}: the response is larger than {most} bytes", "body")
        return b"".join(pieces)

    def text(self, most: int) -> Deferred[str]:
        """See :meth:`netforge.plugin.IReply.text`."""

        def decoded(body: bytes) -> str:
            try:
                return body.decode(self._charset(), "replace")
            except LookupError:
                return body.decode("utf-8", "replace")

        return self.body(most).addCallback(decoded)

    def json(self, most: int) -> Deferred[Any]:
        """See :meth:`netforge.plugin.IReply.json`."""

        async def meant() -> Any:
            return json.loads(await self.body(most))

        return Deferred.fromCoroutine(meant())

    def close(self) -> None:
        """See :meth:`netforge.plugin.IReply.close`."""
        self._incoming.close()

    async def drop(self) -> None:
        """Have no use for the body. A small one is read to its end, so that the connection can be used again."""
        if self.length is None or self.length > ROOM:
            self.close()
            return
        with suppress(OutboundFailed):
            while await self._incoming.take():
                pass

    def _charset(self) -> str:
        message = Message()
        message["content-type"] = self.header("content-type")
        charset: str = message.get_content_charset("utf-8")
        return charset

    def _broken(self, error: ValueError) -> OutboundFailed:
        kind = OutboundTooLarge if isinstance(error, TooLarge) else OutboundFailed
        return kind(f"{self.url}: {error}", "body")
