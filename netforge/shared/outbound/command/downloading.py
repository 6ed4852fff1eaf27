"""Downloads that go on where an earlier one was cut off (RFC 9110, section 14)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from netforge.plugin import OutboundFailed
from netforge.shared.durable import rename_durably

__all__ = ["Download", "Progress"]

RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Progress(Protocol):
    """Shows how far it is."""

    def begin(self, done: int, total: int | None) -> None:
        """It begins, or goes on."""

    def advance(self, size: int) -> None:
        """So many bytes have come."""

    def end(self) -> None:
        """It is over."""


class Download:
    """A file that is fetched to ``NAME.part``, which becomes ``NAME`` when it is complete.

    Beside it lies ``NAME.part.json``, which says of what it is a part: another run goes on with it only where the
    server says that it still has the same.

    :param path: where to; by default the last name of the URL, in this folder.
    :raises ValueError: if the URL has no such name.
    """

    def __init__(self, url: str, path: Path | None, progress: Progress) -> None:
        self.path = path or Path(_name(url))
        self._url = url
        self._part = self.path.with_name(f"{self.path.name}.part")
        self._about = self.path.with_name(f"{self.path.name}.part.json")
        self._progress = progress

    @property
    def resumable(self) -> bool:
        """Whether there is something to go on with."""
        return bool(self._validator()) and self._part.exists() and self._part.stat().st_size > 0

    async def run(self, ask: Callable[..., Awaitable[Any]]) -> Any:
        """Fetch it, or what is missing.

        :param ask: makes the request, with more fields.
        :return: the reply. If its status is an error, nothing is saved.
        :raises OutboundFailed: if not all of it came. What came stays.
        :raises OSError: if it cannot be saved.
        """
        fields = [("accept-encoding", "identity")]
        have = self._part.stat().st_size if self.resumable else 0
        if have:
            fields += [("range", f"bytes={have}-"), ("if-range", self._validator())]
        reply = await ask(*fields, decode=False)
        if reply.status == 416 and have:
            reply.close()
            self._forget()
            return await self.run(ask)
        if reply.status not in (200, 206):
            return reply
        with self._opened(reply, have) as file:
            while piece := await reply.read():
                file.write(piece)
                self._progress.advance(len(piece))
        rename_durably(self._part, self.path)
        self._about.unlink(missing_ok=True)
        return reply

    @contextmanager
    def _opened(self, reply: Any, have: int) -> Iterator[BinaryIO]:
        total = reply.length
        if reply.status == 206:
            found = RANGE.fullmatch(reply.header("content-range"))
            if found is None or int(found[1]) != have:
                raise OutboundFailed(f"{reply.url}: the server sent another range than was asked for", "body")
            total = None if found[2] == "*" else int(found[2])
        else:
            have = 0
            self._remember(reply)
        self._progress.begin(have, total)
        try:
            with self._part.open("ab" if have else "wb") as file:
                yield file
        finally:
            self._progress.end()

    def _remember(self, reply: Any) -> None:
        """Say of what it is a part. A weak ETag does not say that every byte is the same (section 13.1.5)."""
        tag = reply.header("etag")
        validator = tag if tag and not tag.startswith("W/") else reply.header("last-modified")
        self._about.write_text(json.dumps({"url": self._url, "validator": validator}))

    def _validator(self) -> str:
        try:
            about = json.loads(self._about.read_text())
        except (OSError, ValueError):
            return ""
        matches = isinstance(about, dict) and about.get("url") == self._url
        return str(about.get("validator", "")) if matches else ""

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)


def _name(url: str) -> str:
    name = unquote(urlsplit(url if "://" in url else f"http://{url}").path).rpartition("/")[2]
    if not name or name in (".", "..") or not name.isprintable() or os.sep in name:
        raise ValueError(f"{url} has no name for a file: give one with --output")
    return name
