"""What handlers answer with."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from pydantic_core import CoreConfig, SchemaSerializer, core_schema
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall

from netforge.protocols.http import Exchange

__all__ = ["HTML", "JSON", "XML", "Event", "Events", "Redirect", "Response", "Stream", "Text", "response_of", "send"]

#: Fields of a response, as tuples: the same tuple each time is written faster.
Fields = tuple[tuple[bytes, bytes], ...]


def _typed(media_type: str) -> Fields:
    return ((b"content-type", media_type.encode()),)


PLAIN = _typed("text/plain; charset=utf-8")
BYTES = _typed("application/octet-stream")
OF_JSON = _typed("application/json")

#: Writes whatever pydantic can write.
to_json = SchemaSerializer(core_schema.any_schema(), CoreConfig(ser_json_inf_nan="null")).to_json

#: What stands in a URL as it is (RFC 3986, section 2), and what is encoded already.
_IN_URL = "%:/?#[]@!$&'()*+,;=~"


class Response:
    """A whole response.

    :param body: bytes.
    :param status: 200 to 599.
    :param media_type: the value of Content-Type.
    :param fields: more of them.
    """

    __slots__ = ("body", "fields", "status")

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        media_type: str | None = None,
        fields: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.fields = (_typed(media_type) if media_type is not None else ()) + tuple(fields)

    def send(self, exchange: Exchange) -> Awaitable[None] | None:
        """Answer with it."""
        exchange.respond(self.status, self.fields, self.body)
        return None


class Text(Response):
    """Plain text in UTF-8."""

    __slots__ = ()

    def __init__(self, text: str, status: int = 200, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(text.encode(), status, "text/plain; charset=utf-8", fields)


class HTML(Response):
    """A page in UTF-8."""

    __slots__ = ()

    def __init__(self, page: str, status: int = 200, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(page.encode(), status, "text/html; charset=utf-8", fields)


class JSON(Response):
    """A value in JSON (RFC 8259): whatever pydantic can write, models, dataclasses and dates among it. Numbers that
    JSON has no words for become null.
    """

    __slots__ = ()

    def __init__(self, value: object, status: int = 200, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(to_json(value), status, "application/json", fields)


class XML(Response):
    """An element and all in it, as a document in UTF-8."""

    __slots__ = ()

    def __init__(
        self, element: ElementTree.Element, status: int = 200, fields: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        super().__init__(
            ElementTree.tostring(element, "utf-8", xml_declaration=True), status, "application/xml", fields
        )


class Redirect(Response):
    """Go elsewhere.

    :param to: a path or a URL; what cannot stand in one is encoded.
    :param status: 303 to get it whatever was asked, 307 to ask there again in the same way, 308 and for ever.
    """

    __slots__ = ()

    def __init__(self, to: str, status: int = 303, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(b"", status, None, [(b"location", quote(to, safe=_IN_URL).encode()), *fields])


class Stream(Response):
    """A body in pieces, no faster than the client reads.

    :param pieces: bytes or text, now or as they come: from an iterator, which may not wait for anything, or an
        asynchronous one. Either is closed at the end, or when the client goes away. Without a Content-Length among the
        fields the body is as long as it turns out to be; if an iterator fails, the client notices that it was cut.
    """

    __slots__ = ("pieces",)

    def __init__(
        self,
        pieces: Iterable[bytes | str] | AsyncIterable[bytes | str],
        status: int = 200,
        media_type: str = "application/octet-stream",
        fields: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(b"", status, media_type, fields)
        self.pieces = pieces

    async def send(self, exchange: Exchange) -> None:
        """Answer with it."""
        exchange.begin(self.status, self.fields)
        if exchange.lost or exchange.request.method == "HEAD":
            # Nobody takes the pieces, who would make them wait.
            await _close(self.pieces)
            exchange.end()
            return
        pumping = Deferred.fromCoroutine(self._pump(exchange))
        # Which may be waiting for a piece that does not come for long.
        exchange.when_lost(lambda reason: pumping.cancel())
        try:
            await pumping
        except CancelledError:
            if not exchange.lost:
                raise
        else:
            exchange.end()

    async def _pump(self, exchange: Exchange) -> None:
        async with aclosing(_each(self.pieces)) as pieces:
            async for piece in pieces:
                exchange.write(piece.encode() if isinstance(piece, str) else piece)
                await exchange.ready()


async def _each(pieces: Iterable[Any] | AsyncIterable[Any]) -> Any:
    try:
        if isinstance(pieces, AsyncIterable):
            async for piece in pieces:
                yield piece
        else:
            for piece in pieces:
                yield piece
    finally:
        await _close(pieces)


async def _close(pieces: Any) -> None:
    if hasattr(pieces, "aclose"):
        await pieces.aclose()
    elif hasattr(pieces, "close"):
        pieces.close()


class Event:
    """A server-sent event (HTML standard, section 9.2).

    :param data: text, of any number of lines.
    :param event: its type; ``message`` if empty.
    :param id: what the browser says in Last-Event-ID when it comes again.
    :param retry: milliseconds after which it shall come again.
    :raises ValueError: if the type or the id has more than a line.
    """

    __slots__ = ("text",)

    def __init__(self, data: str, event: str = "", id: str = "", retry: int | None = None) -> None:  # noqa: A002  its name
        lines = []
        for name, value in (("event", event), ("id", id)):
            if "\n" in value or "\r" in value or "\0" in value:
                raise ValueError(f"the {name} of an event is one line: {value!r}")
            if value:
                lines.append(f"{name}: {value}\n")
        if retry is not None:
            lines.append(f"retry: {retry}\n")
        lines += [f"data: {line}\n" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        self.text = "".join(lines) + "\n"


class Events(Stream):
    """A stream of server-sent events, as EventSource in a browser reads.

    :param events: each an :class:`Event`, or text that becomes its data.
    :param heartbeat: seconds after which something is sent that means nothing, again and again, so that nobody on the
        way takes the connection for dead.
    """

    __slots__ = ("heartbeat",)

    def __init__(self, events: AsyncIterable[Event | str], heartbeat: float = 15) -> None:
        # Nothing on the way shall keep them, nor wait for more before it passes them on.
        fields = [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
        super().__init__(_texts(events), 200, "text/event-stream", fields)
        self.heartbeat = heartbeat

    async def _pump(self, exchange: Exchange) -> None:
        beat = LoopingCall(exchange.write, b":\n\n")
        beat.clock = exchange.clock
        beat.start(self.heartbeat, now=False)
        try:
            await super()._pump(exchange)
        finally:
            beat.stop()


async def _texts(events: AsyncIterable[Event | str]) -> Any:
    async with aclosing(_each(events)) as each:
        async for event in each:
            yield (event if isinstance(event, Event) else Event(event)).text


def _nothing(exchange: Exchange, value: None) -> None:
    exchange.respond(204)


def _text(exchange: Exchange, value: str) -> None:
    exchange.respond(200, PLAIN, value.encode())


def _bytes(exchange: Exchange, value: bytes) -> None:
    exchange.respond(200, BYTES, value)


def _json(exchange: Exchange, value: object) -> None:
    exchange.respond(200, OF_JSON, to_json(value))


#: How values of a type are answered with.
_WAYS: dict[type, Callable[[Exchange, Any], object]] = {
    type(None): _nothing,
    str: _text,
    bytes: _bytes,
    dict: _json,
    list: _json,
}


def send(exchange: Exchange, value: Any) -> Awaitable[None] | None:
    """Answer with what a handler has returned: a :class:`Response`, text, bytes, ``None`` for nothing (204), an XML
    element, or anything else that can be said in JSON.
    """
    way = _WAYS.get(type(value))
    if way is not None:
        way(exchange, value)
        return None
    return response_of(value).send(exchange)


def response_of(value: Any) -> Response:
    """The response that stands for what a handler has returned.

    :raises TypeError: if none does.
    """
    if isinstance(value, Response):
        return value
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, ElementTree.Element):
        return XML(value)
    if isinstance(value, AsyncIterable):
        raise TypeError(
            "a handler returned a generator: return Stream(...) or Events(...) of one, which say what it is"
        )
    return JSON(value)
