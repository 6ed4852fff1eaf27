"""The path and the query of what a request is for (RFC 3986, sections 3.3 and 3.4)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote_to_bytes

from netforge.protocols.http.errors import HTTPError

__all__ = ["path_of", "raw_target"]


def raw_target(target: str) -> tuple[str, str]:
    """Path and query as they stand in a target; the path of ``*`` and of ``http://host`` is empty."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        _, slash, path = rest.partition("/")
        target = slash + path
    path, _, query = target.partition("?")
    return path, query


@lru_cache(maxsize=1024)
def path_of(target: str) -> str:
    """The path of a target, decoded: what rules and files are to be looked up by.

    :raises HTTPError: with status 400, if it could be read in two ways: with the segments ``.`` and ``..``, in whatever
        disguise, an encoded slash, a NUL, or what is no UTF-8.
    """
    raw, _ = raw_target(target)
    if "%" not in raw:
        path = raw
    elif "%2f" in raw.lower():
        raise HTTPError(400, "the path has an encoded slash")
    else:
        try:
            path = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise HTTPError(400, "the path is no UTF-8") from None
    if "\0" in path or ("/." in path and any(part in (".", "..") for part in path.split("/"))):
        raise HTTPError(400, "the path has segments that lead elsewhere")
    return path
