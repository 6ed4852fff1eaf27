"""``Reader``: everything that may wait for a disk. It runs in threads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from fnmatch import translate
from io import FileIO

from netforge.services.web.static.codings import SUFFIXES, compressors
from netforge.services.web.static.conditions import Validators
from netforge.services.web.static.dates import format_date
from netforge.services.web.static.files import File, Folder, Variant, stamp_of
from netforge.services.web.static.kinds import Kinds, is_compressible
from netforge.services.web.static.opened import Opened
from netforge.services.web.static.settings import StaticSettings
from netforge.services.web.static.tree import Names, Place, Tree, servable

__all__ = ["Reader", "names_of"]

#: Files of fewer bytes are not compressed: they would fit into the same packet anyway.
LEAST_COMPRESSED = 1024
#: What remains of a file that is worth being compressed, at most.
WORTH_WHILE = 0.9
#: A year.
IMMUTABLE = b"max-age=31536000, immutable"


class Reader:
    """Reads a folder.

    :param settings: what is served, and how.
    :param seconds: what the time is.
    """

    def __init__(self, settings: StaticSettings, seconds: Callable[[], float]) -> None:
        self.tree = Tree(settings.root)
        self._settings = settings
        self._seconds = seconds
        self._kinds = Kinds(settings.types)
        self._immutable = [re.compile(translate(pattern)) for pattern in settings.immutable]
        self._compressors = compressors() if settings.compress else {}

    def look(self, path: str) -> File | Folder | None:
        """What is at a path, as far as it is to be served.

        :raises PermissionError: if it may not be read.
        """
        names = names_of(path)
        if names is None:
            return None
        try:
            with self.tree.place(names) as place:
                if not place.is_folder:
                    return None if path.endswith("/") else self._file(names, place)
                own = place.names
        except FileNotFoundError:
            return None
        return Folder(own, self._index(names))

    def read(self, file: File, coding: str) -> Variant | None:
        """A variant in memory; ``None`` if the file has changed, or compressing it is not worth while.

        :raises OSError: if it cannot be read.
        """
        beside = coding if coding in file.codings else ""
        with FileIO(self._open(file, beside)) as opened:
            status = os.fstat(opened.fileno())
            if status.st_size > file.size_as(coding):
                return None
            content = _all_of(opened, status.st_size)
            if stamp_of(os.fstat(opened.fileno())) != stamp_of(status):
                return None
        if coding != beside:
            content = self._compressors[coding](content)
            if len(content) > status.st_size * WORTH_WHILE:
                return None
        return self._variant(file, coding, status, len(content), content)

    def open(self, file: File, coding: str) -> Variant:
        """A variant that is read as it is sent, and held: the file as it is, or that beside it.

        :raises OSError: if it cannot be opened.
        """
        opened = Opened(self._open(file, coding))
        status = os.fstat(opened.descriptor)
        return self._variant(file, coding, status, status.st_size, opened)

    def _open(self, file: File, beside: str) -> int:
        with self.tree.place((*file.names[:-1], file.names[-1] + SUFFIXES.get(beside, ""))) as place:
            return place.open()

    def _file(self, names: Names, place: Place) -> File:
        settings = self._settings
        stamp = stamp_of(place.status)
        kind = self._kinds.of(names[-1])
        caching = b"" if settings.max_age is None else b"max-age=%d" % settings.max_age
        if any(pattern.match("/".join(names)) for pattern in self._immutable):
            caching = IMMUTABLE
        codings = {}
        if settings.precompressed:
            for coding, suffix in SUFFIXES.items():
                status = place.beside(suffix)
                # One that is older was made from an earlier version. Tools copy times in whole seconds.
                if status is not None and int(status.st_mtime) >= int(place.status.st_mtime):
                    codings[coding] = stamp_of(status)
        made = []
        if LEAST_COMPRESSED <= place.status.st_size <= settings.compress and is_compressible(kind):
            made = [coding for coding in self._compressors if coding not in codings]
        return File(place.names, stamp, kind, caching, codings, made)

    def _index(self, names: Names) -> File | None:
        for index in self._settings.index:
            try:
                with self.tree.place((*names, index)) as place:
                    if not place.is_folder:
                        return self._file((*names, index), place)
            except FileNotFoundError:
                pass
        return None

    def _variant(self, file: File, coding: str, status: os.stat_result, size: int, source: bytes | Opened) -> Variant:
        stamp = stamp_of(status)
        etag = b'"%x-%x-%x"' % stamp
        fields = [(b"content-type", file.kind)]
        if coding:
            fields.append((b"content-encoding", coding.encode()))
        if coding and coding not in file.codings:
            # Another version of the library may make other bytes of the same.
            etag = b'W/"%b-%b"' % (etag[1:-1], coding.encode())
        else:
            fields.append((b"accept-ranges", b"bytes"))
        # No time that is still to come (RFC 9110, section 8.8.2.1).
        modified = min(int(status.st_mtime), int(self._seconds()))
        fields += [(b"etag", etag), (b"last-modified", format_date(modified))]
        if file.varies:
            fields.append((b"vary", b"accept-encoding"))
        if file.caching:
            fields.append((b"cache-control", file.caching))
        return Variant(stamp, Validators(etag, modified), file.kind, fields, size, source)


def names_of(path: str) -> Names | None:
    """The names in a path; ``None`` if it has some that are never served: what is hidden is as what is not there.

    :param path: decoded, with the slash at its beginning.
    """
    names = tuple(path.removeprefix("/").removesuffix("/").split("/")) if path not in ("", "/") else ()
    # A place for what the whole host has to say (RFC 8615).
    shown = names[1:] if names[:1] == (".well-known",) else names
    return names if all(map(servable, shown)) else None


def _all_of(file: FileIO, size: int) -> bytes:
    """What is in a file, up to its end or what was its size."""
    pieces = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
