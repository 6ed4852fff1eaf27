"""Content types by the names of files: the same on every computer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from mimetypes import MimeTypes

__all__ = ["Kinds", "is_compressible"]

#: What Python's table lacks, or has otherwise than browsers and registries do today.
_OURS = {
    "7z": "application/x-7z-compressed",
    "apk": "application/vnd.android.package-archive",
    "avif": "image/avif",
    "br": "application/octet-stream",
    "bz2": "application/x-bzip2",
    "cjs": "text/javascript",
    "deb": "application/vnd.debian.binary-package",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "geojson": "application/geo+json",
    "gz": "application/gzip",
    "ico": "image/x-icon",
    "js": "text/javascript",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "m4a": "audio/mp4",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mkv": "video/matroska",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "rst": "text/x-rst",
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "sql": "application/sql",
    "tgz": "application/gzip",
    "toml": "application/toml",
    "ttc": "font/collection",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xml": "application/xml",
    "xz": "application/x-xz",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zst": "application/zstd",
}

#: Kinds besides text whose bytes repeat themselves.
_COMPRESSIBLE = re.compile(
    rb"text/.*|.*\+(?:json|xml|text)"
    rb"|application/(?:json|xml|javascript|sql|toml|yaml|wasm|rtf|x-ndjson|x-sh|x-tex|vnd\.ms-fontobject)"
    rb"|font/(?:otf|ttf|collection)|image/(?:bmp|x-icon|vnd\.microsoft\.icon)"
)


class Kinds:
    """The table.

    :param types: more of it: content types by the ends of names, with or without the dot.
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        table = dict(MimeTypes().types_map[1])
        table |= {f".{end}": kind for end, kind in _OURS.items()}
        table |= {f".{end.lower().lstrip('.')}": kind for end, kind in types.items()}
        self._table = {end: _with_charset(kind).encode("ascii") for end, kind in table.items()}

    def of(self, name: str) -> bytes:
        """The value of Content-Type for a file."""
        _, dot, end = name.rpartition(".")
        return self._table.get(dot + end.lower(), b"application/octet-stream")


def is_compressible(kind: bytes) -> bool:
    """Whether what has that content type becomes smaller."""
    return _COMPRESSIBLE.fullmatch(kind.partition(b";")[0].strip().lower()) is not None


def _with_charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") and ";" not in kind else kind
