"""``StaticFiles``: a folder as an application."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from random import Random
from urllib.parse import quote

from netforge.plugin import Context, IReactor
from netforge.protocols.http import Exchange, HTTPError, path_of, raw_target
from netforge.services.web.hosted import Hosted
from netforge.services.web.static.answers import answer_to
from netforge.services.web.static.codings import qualities, wants_html
from netforge.services.web.static.files import File, Folder, Variant
from netforge.services.web.static.page import MOST_ROWS, page
from netforge.services.web.static.reader import Reader, names_of
from netforge.services.web.static.sending import Sender
from netforge.services.web.static.settings import StaticSettings
from netforge.services.web.static.shelf import Shelf

__all__ = ["StaticFiles", "host_static"]

ALLOW = [(b"allow", b"GET, HEAD, OPTIONS")]


class StaticFiles:
    """Serves a folder. An :data:`~netforge.protocols.http.Application`.

    :param settings: which folder, and how.
    :param reactor: where time and threads come from.
    :param random: makes what the parts of an answer are told apart by.
    """

    def __init__(self, settings: StaticSettings, reactor: IReactor, random: Random) -> None:
        self._settings = settings
        self._reactor = reactor
        self._random = random
        self._reader = Reader(settings, reactor.seconds)
        self._shelf = Shelf(reactor, self._reader, settings.memory)
        self._sender = Sender(self._shelf.run)

    def check(self) -> None:
        """Look whether the folder is there. Blocks.

        :raises OSError: if it is not.
        """
        self._reader.tree.check()

    def __call__(self, exchange: Exchange) -> Awaitable[None] | None:
        """Answer."""
        request = exchange.request
        if request.method == "OPTIONS":
            exchange.respond(HTTPStatus.NO_CONTENT, ALLOW)
            return None
        if request.method not in ("GET", "HEAD"):
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, "these are files, to be read", ALLOW)
        path = path_of(request.target).removeprefix(exchange.mount)
        known = self._shelf.known(path)
        if isinstance(known, File):
            variant = known.variants.get(_coding(exchange, known))
            if variant is not None and isinstance(variant.source, bytes):
                return self._answer(exchange, variant)
        return self._look(exchange, path)

    async def _look(self, exchange: Exchange, path: str) -> None:
        try:
            found = await self._shelf.find(path)
            if isinstance(found, Folder) and (found.index or self._settings.listing):
                if not path.endswith("/") and (path or exchange.mount):
                    _redirect(exchange)
                elif found.index:
                    await self._send(exchange, path, found.index)
                else:
                    await self._list(exchange, path, found)
            elif isinstance(found, File):
                await self._send(exchange, path, found)
            else:
                await self._fall_back(exchange, path)
        except FileNotFoundError:
            # In the moment since it was found.
            raise _not_found() from None
        except PermissionError:
            raise HTTPError(HTTPStatus.FORBIDDEN) from None

    async def _fall_back(self, exchange: Exchange, path: str) -> None:
        fallback = self._settings.fallback
        if fallback is None or names_of(path) is None:
            raise _not_found()
        exchange.decorate(lambda status, fields: fields.append((b"vary", b"accept")))
        found = await self._shelf.find(f"/{fallback}") if wants_html(exchange.request.header(b"accept")) else None
        if not isinstance(found, File):
            raise _not_found()
        await self._send(exchange, f"/{fallback}", found)

    async def _send(self, exchange: Exchange, path: str, file: File) -> None:
        variant = await self._shelf.variant(path, file, _coding(exchange, file))
        try:
            if (sent := self._answer(exchange, variant)) is not None:
                await sent
        finally:
            if not isinstance(variant.source, bytes):
                variant.source.release()

    def _answer(self, exchange: Exchange, variant: Variant) -> Awaitable[None] | None:
        """Answer at once, or as the file can be read."""
        if exchange.lost:
            return None
        request, source = exchange.request, variant.source
        answer = answer_to(request, variant, self._reactor.seconds(), self._random)
        if isinstance(source, bytes):
            body = [piece if isinstance(piece, bytes) else source[slice(*piece)] for piece in answer.pieces]
            exchange.respond(answer.status, answer.fields, b"".join(body))
        elif not answer.pieces:
            exchange.respond(answer.status, answer.fields)
        else:
            exchange.begin(answer.status, [*answer.fields, (b"content-length", b"%d" % answer.size)])
            if request.method != "HEAD":
                return self._sender.send(exchange, answer.pieces, source)
            exchange.end()
        return None

    async def _list(self, exchange: Exchange, path: str, folder: Folder) -> None:
        rows, more = await self._shelf.run(self._reader.tree.rows, folder.names, MOST_ROWS)
        _, query = raw_target(exchange.request.target)
        fields, body = await self._shelf.run(page, exchange.mount, path or "/", rows, more, query)
        exchange.respond(HTTPStatus.OK, fields, body)


def host_static(settings: StaticSettings, context: Context) -> Hosted:
    """A folder, as a site.

    :raises OSError: if it is not there.
    """
    files = StaticFiles(settings, context.reactor, context.random)
    files.check()
    return Hosted(files)


def _coding(exchange: Exchange, file: File) -> str:
    """The best that there is for a client; none is ``""``. A file beside it is better than what is to be compressed."""
    if not file.varies:
        return ""
    request = exchange.request
    wanted = qualities(request.header(b"accept-encoding"))
    # Parts are of what has the same bytes each time.
    made = () if request.header(b"range") else file.made
    offered = [coding for coding in wanted if coding in file.codings or coding in made]
    return max(offered, key=lambda coding: (wanted[coding], coding in file.codings), default="")


def _redirect(exchange: Exchange) -> None:
    """To the same with a slash at its end. The path has no empty names, so it cannot be taken for a host."""
    target = exchange.request.target
    _, query = raw_target(target)
    place = f"{quote(path_of(target))}/{'?' * bool(query)}{query}"
    exchange.respond(HTTPStatus.MOVED_PERMANENTLY, [(b"location", place.encode("ascii"))])


def _not_found() -> HTTPError:
    return HTTPError(HTTPStatus.NOT_FOUND)
