"""The page that shows what is in a folder: one file without scripts, for any screen, light or dark."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote

from netforge.protocols.http import Headers
from netforge.services.web.static.natural import natural
from netforge.services.web.static.style import STYLE
from netforge.services.web.static.tree import Row

__all__ = ["MOST_ROWS", "page"]

#: The most rows of a page.
MOST_ROWS = 10_000

#: What the rows can be sorted by, with the title of the column.
_COLUMNS: dict[str, tuple[str, Callable[[Row], Any]]] = {
    "name": ("Name", lambda row: natural(row.name)),
    "size": ("Size", lambda row: row.size),
    "modified": ("Modified", lambda row: row.modified),
}

# Whatever a name may be, it cannot make the page do anything.
_POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
_FIELDS = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY.encode())]

# Characters that would show a name as another one: of control, and of the direction of text.
_DISGUISES = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_FOLDER = "M1.5 3.5h4.2l1.6 1.8h7.2v7.2h-13z"
_UPWARDS = "M8 13.5v-10 M3.5 8l4.5-4.5 4.5 4.5"
_FILE = "M3.5 1.5h6l3 3v10h-9z M9.5 1.5v3h3"


def page(mount: str, path: str, rows: Sequence[Row], more: int, query: str) -> tuple[Headers, bytes]:
    """The fields and the body.

    :param mount: the path that the folders begin at, decoded, without a slash at its end.
    :param path: of the folder, from there, with slashes at both ends.
    :param more: how many rows there would be besides.
    :param query: of the request: ``sort=size``, or ``sort=-size`` for the largest first.
    """
    order = query.removeprefix("sort=")
    column = order.removeprefix("-")
    if column not in _COLUMNS:
        order = column = "name"
    shown = sorted(rows, key=_COLUMNS["name"][1])
    shown.sort(key=_COLUMNS[column][1], reverse=order.startswith("-"))
    # Folders stay at the top, whatever their names and sizes.
    shown.sort(key=lambda row: not row.folder)
    suffix = "" if order == "name" else f"?sort={order}"
    body = [_up(suffix)] if path != "/" else []
    body += [_row(row, suffix) for row in shown]
    heads = "".join(_head(name, title, order) for name, (title, _) in _COLUMNS.items())
    html = _PAGE.format(
        style=STYLE,
        title=_plain(mount + path),
        way=_way(mount, path),
        heads=heads,
        rows="\n".join(body),
        summary=_summary(rows, more),
    )
    return _FIELDS, html.encode()


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1><span>Index of</span> {way}</h1>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p>{summary}</p>
</main>
</body>
</html>
"""


def _way(mount: str, path: str) -> str:
    """The path, whose folders lead to themselves."""
    names = [f"{mount}/", *filter(None, path.split("/"))]
    steps = [
        f'<a href="{"../" * up}">{_text(name)}</a>'
        for up, name in zip(range(len(names) - 1, 0, -1), names[:-1], strict=True)
    ]
    first, *rest = [*steps, _text(names[-1])]
    return first + "<i>/</i>".join(rest)


def _head(name: str, title: str, order: str) -> str:
    """The head of a column, which sorts by it; again, the other way round."""
    current = order.removeprefix("-") == name
    # What is largest and newest comes first at first.
    first = name if name == "name" else f"-{name}"
    other = f"-{name}" if order == name else name
    state = f' aria-sort="{"descending" if order.startswith("-") else "ascending"}"' if current else ""
    return f'<th class="{name}" scope="col"{state}><a href="?sort={other if current else first}">{title}</a></th>'


def _up(suffix: str) -> str:
    return f'<tr><td class="name"><a href="../{suffix}">{_icon(_UPWARDS, "up")}..</a></td></tr>'


def _row(row: Row, suffix: str) -> str:
    text = _text(row.name)
    link = quote(row.name, safe="")
    if row.folder:
        text, link = f"{_icon(_FOLDER, 'folder')}{text}/", f"{link}/{suffix}"
        size = ""
    else:
        text, size = _icon(_FILE, "file") + text, _size(row.size)
    date = datetime.fromtimestamp(row.modified, UTC)
    return (
        f'<tr><td class="name"><a href="{link}">{text}</a></td><td class="size">{size}</td>'
        f'<td class="modified"><time datetime="{date:%Y-%m-%dT%H:%M:%SZ}">{date:%Y-%m-%d %H:%M}</time></td></tr>'
    )


def _text(name: str) -> str:
    return f"<bdi>{_plain(name)}</bdi>"


def _plain(name: str) -> str:
    """A name to be read, which is what it looks like."""
    return escape(_DISGUISES.sub("\N{REPLACEMENT CHARACTER}", name))


def _icon(path: str, kind: str) -> str:
    return f'<svg class="{kind}" viewBox="0 0 16 16" aria-hidden="true"><path d="{path}"/></svg>'


def _size(size: int) -> str:
    """A size for people."""
    if size < 1000:
        return f"{size} B"
    amount, units = size / 1000, iter(("kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 999.5:
        amount, unit = amount / 1000, next(units, "PB")
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def _summary(rows: Sequence[Row], more: int) -> str:
    if not rows:
        return "This folder is empty."
    sizes = [row.size for row in rows if not row.folder]
    said = [_count(len(rows) - len(sizes), "folder"), _count(len(sizes), "file"), _size(sum(sizes)) if sizes else ""]
    hidden = f"{more} more are not shown" if more else ""
    return " · ".join(filter(None, [*said, hidden, "times in UTC"]))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}" if number else ""
