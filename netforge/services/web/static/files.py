"""What is known of a file, and what can be sent of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from netforge.protocols.http import Headers
from netforge.services.web.static.conditions import Validators
from netforge.services.web.static.opened import Opened
from netforge.services.web.static.tree import Names

__all__ = ["File", "Folder", "Stamp", "Variant", "stamp_of"]

#: What tells a version of a file from any other: when it was changed, in nanoseconds, its size and its number.
Stamp = tuple[int, int, int]


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_mtime_ns, status.st_size, status.st_ino


@dataclass(frozen=True, slots=True)
class Variant:
    """A file in one coding, to be sent.

    :param stamp: of the file that it was made from.
    :param validators: what it is recognized by.
    :param kind: the value of Content-Type.
    :param fields: what is said of it, whatever part of it is sent.
    :param size: in bytes.
    :param source: all of it, or where it is read from.
    """

    stamp: Stamp
    validators: Validators
    kind: bytes
    fields: Headers
    size: int
    source: bytes | Opened

    @property
    def has_ranges(self) -> bool:
        """Whether parts of it can be asked for: its bytes are the same each time."""
        return not self.validators.etag.startswith(b"W/")


@dataclass(slots=True)
class File:
    """What is known of a file.

    :param names: its path, without links.
    :param stamp: which version it is.
    :param kind: the value of Content-Type.
    :param caching: the value of Cache-Control; empty for none.
    :param codings: the stamps of the files beside it that are the same, compressed, by their codings.
    :param made: the codings that it can be compressed in for those who like that.
    :param variants: what of it is in memory or open, by codings; no coding is ``""``.
    """

    names: Names
    stamp: Stamp
    kind: bytes
    caching: bytes
    codings: dict[str, Stamp]
    made: list[str]
    variants: dict[str, Variant] = field(default_factory=dict)

    @property
    def varies(self) -> bool:
        """Whether what is sent depends on what the client takes."""
        return bool(self.made or self.codings)

    def size_as(self, coding: str) -> int:
        """Its size in bytes, as it is or as the file beside it is."""
        return self.codings.get(coding, self.stamp)[1]

    def is_as(self, other: File) -> bool:
        """Whether two are of the same version, so that what is in memory of one is right for the other."""
        return (self.names, self.stamp, self.codings) == (other.names, other.stamp, other.codings)


@dataclass(frozen=True, slots=True)
class Folder:
    """What is known of a folder.

    :param names: its path, without links.
    :param index: the file that stands for it.
    """

    names: Names
    index: File | None
