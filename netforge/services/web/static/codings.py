"""Content codings (RFC 9110, sections 8.4.1 and 12.5.3): which a client takes, and how they are made."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType

__all__ = ["SUFFIXES", "compressors", "qualities", "wants_html"]

#: The codings that are known, what most prefer first, with the ends of names of files that are coded so.
SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

_WEIGHT = re.compile(r"[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@lru_cache(maxsize=256)
def qualities(accepted: bytes | None) -> Mapping[str, float]:
    """The codings that a client takes rather than none, and how much it wants each.

    Where it would rather have no coding, it gets none. It also gets none where it refuses that and wants nothing that
    we have: better than to refuse.

    :param accepted: the value of Accept-Encoding.
    """
    if accepted is None:
        return {}
    listed = _listed(accepted)
    rest = listed.get("*", 0.0)
    if "gzip" not in listed and "x-gzip" in listed:
        listed["gzip"] = listed["x-gzip"]
    least = listed.get("identity", 0.0)
    wanted = {coding: listed.get(coding, rest) for coding in SUFFIXES}
    return {coding: quality for coding, quality in wanted.items() if 0 < quality >= least}


def wants_html(accepted: bytes | None) -> bool:
    """Whether a client asks for a page by name, as browsers do for what they show.

    :param accepted: the value of Accept.
    """
    return accepted is not None and _listed(accepted).get("text/html", 0.0) > 0


def compressors() -> dict[str, Callable[[bytes], bytes]]:
    """What compresses, by codings, those of :data:`SUFFIXES` whose libraries are installed.

    All of it takes a few milliseconds for 100 KiB, and gives up the interpreter lock meanwhile.
    """
    found: dict[str, Callable[[bytes], bytes]] = {}
    if brotli := _library("brotli"):
        found["br"] = lambda data: bytes(brotli.compress(data, quality=5))
    if zstandard := _library("zstandard"):
        found["zstd"] = lambda data: bytes(zstandard.ZstdCompressor(level=9).compress(data))
    found["gzip"] = lambda data: gzip.compress(data, 6, mtime=0)
    return found


def _library(name: str) -> ModuleType | None:
    """A library of the extra ``compression``."""
    try:
        return import_module(name)
    except ImportError:
        return None


def _listed(value: bytes) -> dict[str, float]:
    """A list with weights (section 12.4.2). What is none is passed over."""
    listed: dict[str, float] = {}
    for element in value.decode("latin-1").split(","):
        name, *parameters = (part.strip(" \t") for part in element.split(";"))
        weights = [parameter for parameter in parameters if parameter[:2].lower() == "q="]
        found = _WEIGHT.fullmatch(weights[-1]) if weights else None
        if name and (found or not weights):
            listed.setdefault(name.lower(), float(found[1]) if found else 1.0)
    return listed
