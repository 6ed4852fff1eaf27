"""Files as answers (RFC 9110, sections 8.8, 13 and 14)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from email.utils import formatdate, parsedate_to_datetime
from mimetypes import MimeTypes
from pathlib import Path
from stat import S_ISREG
from urllib.parse import quote

from netforge.protocols.http import Exchange, Headers, HTTPError, Request, path_of
from netforge.web.responses import Response
from netforge.web.threads import in_thread

__all__ = ["Assets", "File"]

#: Bytes that are read at once.
PIECE = 256 * 1024

_RANGE = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})")
# Not what the machine at hand has in its files.
_TYPES = MimeTypes()
for _type, _ending in (("font/woff2", ".woff2"), ("image/webp", ".webp"), ("image/avif", ".avif")):
    _TYPES.add_type(_type, _ending)


class File(Response):
    """What a file holds, read as the client takes it. Part of it if the client asks for one, and nothing if it has it
    already. Without a file there the answer is 404.

    :param path: of the file. Where a request has a say in it, :class:`Assets` are safe.
    :param media_type: the value of Content-Type; by the name's ending if ``None``.
    :param download_name: what the browser shall keep it as, in place of showing it.
    """

    __slots__ = ("path",)

    def __init__(
        self,
        path: str | Path,
        media_type: str | None = None,
        download_name: str | None = None,
        fields: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        # Browsers shall not guess that somebody's picture is a page.
        fields = [(b"x-content-type-options", b"nosniff"), *fields]
        super().__init__(b"", 200, media_type or _type_of(Path(path).name), fields)
        self.path = Path(path)
        if download_name is not None:
            self.fields += ((b"content-disposition", _attachment(download_name)),)

    async def send(self, exchange: Exchange) -> None:
        """Answer with it.

        :raises HTTPError: with status 404, or 416 for a part that it does not have.
        :raises OSError: if it cannot be read.
        """
        try:
            descriptor, status = await in_thread(exchange.clock, _open, self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise HTTPError(404, "there is no such file") from None
        try:
            await self._send(exchange, descriptor, status)
        finally:
            os.close(descriptor)

    async def _send(self, exchange: Exchange, descriptor: int, status: os.stat_result) -> None:
        request, size = exchange.request, status.st_size
        etag = b'"%x-%x"' % (status.st_mtime_ns, size)
        modified = int(status.st_mtime)
        known: Headers = [(b"etag", etag), (b"last-modified", formatdate(modified, usegmt=True).encode())]
        if _is_known(request, etag, modified):
            caching = [field for field in self.fields if field[0].lower() == b"cache-control"]
            exchange.respond(304, [*known, *caching])
            return
        code, start, stop = 200, 0, size
        if request.method == "GET" and request.header(b"if-range") in (None, *(value for _, value in known)):
            code, start, stop = _part(request.header(b"range"), size)
        fields = [*self.fields, *known, (b"accept-ranges", b"bytes"), (b"content-length", b"%d" % (stop - start))]
        if code == 206:
            fields.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size)))
        exchange.begin(code, fields)
        while start < stop and not exchange.lost and request.method != "HEAD":
            data = await in_thread(exchange.clock, os.pread, descriptor, min(PIECE, stop - start), start)
            if not data:
                raise EOFError(f"{self.path} has become shorter while it was sent")
            exchange.write(data)
            start += len(data)
            await exchange.ready()
        if not exchange.lost:
            exchange.end()


class Assets:
    """An application that serves the files of a folder, and of folders in it: nothing whose name begins with a dot, and
    nothing that links lead to outside. ``index.html`` stands for its folder.

    The service ``web`` has another for large sites, with compression and pages of what there is.

    :param max_age: seconds for which browsers do not ask again; with 0 they always ask whether it has changed.
    :raises ValueError: if there is no such folder.
    """

    def __init__(self, folder: str | Path, *, max_age: int = 0) -> None:
        self._folder = Path(folder).resolve()
        if not self._folder.is_dir():
            raise ValueError(f"there is no folder {self._folder} for assets")
        self._caching = b"max-age=%d" % max_age if max_age else b"no-cache"

    async def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        exchange.route = f"{exchange.mount}/{{path:path}}"
        if exchange.request.method not in ("GET", "HEAD"):
            raise HTTPError(405, "assets can only be read", [(b"allow", b"GET, HEAD")])
        names = path_of(exchange.request.target)[len(exchange.mount) :].split("/")[1:]
        if names and not names[-1]:
            names[-1] = "index.html"
        path = await in_thread(exchange.clock, _inside, self._folder, names)
        if path is None:
            raise HTTPError(404, "there is no such file")
        await File(path, fields=[(b"cache-control", self._caching)]).send(exchange)


def _inside(folder: Path, names: list[str]) -> Path | None:
    """The file that names lead to, if it is in a folder. Links are followed as far as they stay there."""
    if not _servable(names):
        return None
    try:
        path = folder.joinpath(*names).resolve(strict=True)
    except (OSError, RuntimeError):
        # Nothing is there, or links that lead to each other.
        return None
    return path if path.is_relative_to(folder) and _servable(path.relative_to(folder).parts) else None


def _servable(names: Iterable[str]) -> bool:
    return all(name and name[0] != "." and "\\" not in name for name in names)


def _open(path: Path) -> tuple[int, os.stat_result]:
    # A pipe would make it wait for whoever writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return descriptor, status


def _is_known(request: Request, etag: bytes, modified: int) -> bool:
    """Whether the client has it (RFC 9110, sections 13.1.2 and 13.1.3)."""
    if (tags := request.header(b"if-none-match")) is not None:
        return tags == b"*" or etag in [tag.strip().removeprefix(b"W/") for tag in tags.split(b",")]
    try:
        since = parsedate_to_datetime((request.header(b"if-modified-since") or b"").decode("latin-1")).timestamp()
    except (ValueError, OverflowError):
        return False
    return since >= modified


def _part(value: bytes | None, size: int) -> tuple[int, int, int]:
    """Status, beginning and end of what is asked for (RFC 9110, section 14.2). Several parts are not given, but all.

    :raises HTTPError: with status 416, if the file does not have it.
    """
    found = _RANGE.fullmatch(value or b"")
    if found is None or (first := found[1]) == (last := found[2]) == b"":
        return 200, 0, size
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return 200, 0, size
    else:
        start, stop = max(size - int(last), 0), size
    if start >= stop:
        raise HTTPError(416, f"it has {size} bytes", [(b"content-range", b"bytes */%d" % size)])
    return 206, start, stop


def _type_of(name: str) -> str:
    kind, coding = _TYPES.guess_type(name, strict=False)
    if kind is None or coding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind == "application/javascript" else kind


def _attachment(name: str) -> bytes:
    """The value of Content-Disposition (RFC 6266, section 4.3)."""
    plain = re.sub(r"[^\w .()+-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode("ascii")
