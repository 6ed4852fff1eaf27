"""A chart for the documentation: how many times better we are than each peer, a line for each variant.

``python -m bench.chart RESULTS FOLDER`` draws it again from a file of JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import click

from bench.case import LIMIT, PEERS, WEB_LIMIT, WEB_PEERS
from bench.report import Row, short

__all__ = ["draw", "write_charts"]


@dataclass(frozen=True)
class _Theme:
    """Colours that people who see few colours can tell apart; of peers in the order of ``PEERS`` or ``WEB_PEERS``."""

    text: str
    faint: str
    line: str
    peers: tuple[str, ...]


_LIGHT = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73", "#cc79a7", "#6a5acd")
_DARK = ("#4aa3df", "#9ad4f5", "#ff7f3f", "#f2c14e", "#2fc79a", "#e6a3c8", "#9d90f0")
_THEMES = {
    "light": _Theme("#1f2328", "#656d76", "#d8dee4", _LIGHT),
    "dark": _Theme("#e6edf3", "#8d96a0", "#30363d", _DARK),
}
_WIDTH = 860
_LEFT, _RIGHT = 270, 680
_TOP, _HEADING, _ROW, _BOTTOM = 64, 30, 22, 34
# The legend: how many names in a row, and how far they and the rows are apart.
_NAMES, _NAME, _NAME_ROW = 4, 142, 18
_TICKS = tuple(base * 10.0**power for power in range(-2, 3) for base in (1, 2, 5))


def write_charts(rows: Sequence[Row], folder: Path) -> None:
    """Write ``bench-light.svg`` and ``bench-dark.svg``.

    :param folder: made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _THEMES:
        (folder / f"bench-{name}.svg").write_text(draw(rows, name), encoding="utf-8")


def draw(rows: Sequence[Row], theme: str) -> str:
    """Draw the chart.

    :param theme: ``light`` or ``dark``.
    :returns: an SVG document. It has no background.
    """
    return "\n".join(_Drawing(rows, _THEMES[theme]).lines()) + "\n"


class _Drawing:
    def __init__(self, rows: Sequence[Row], theme: _Theme) -> None:
        self._rows = rows
        self._theme = theme
        ratios = [1.0, *(ratio for row in rows for ratio in row["ratio"].values())]
        # A little air, so that no dot lies on the edge.
        self._least = math.log(min(ratios) / 1.15)
        self._most = math.log(max(ratios) * 1.15)
        found = {peer for row in rows for peer in row["ratio"]}
        self._names = [name for name in (*PEERS, LIMIT, *WEB_PEERS, WEB_LIMIT) if name in found]
        self._top = _TOP + max(0, len(self._names) - 1) // _NAMES * _NAME_ROW
        cases = len({row["case"] for row in rows})
        self._height = self._top + cases * _HEADING + len(rows) * _ROW + _BOTTOM

    def lines(self) -> Iterator[str]:
        """The lines of the document."""
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {self._height}" role="img" font-size="12"'
            ' font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">'
        )
        yield "<title>netforge and its peers</title>"
        yield from self._legend()
        yield from self._axis()
        yield from self._groups()
        yield "</svg>"

    def _legend(self) -> Iterator[str]:
        yield self._text(16, 24, "How many times better than ...", weight=600)
        for number, name in enumerate(self._names):
            row, column = divmod(number, _NAMES)
            x, y = _LEFT + column * _NAME, 20 + row * _NAME_ROW
            yield self._dot(x, y, name)
            yield self._text(x + 10, y + 4, name)

    def _axis(self) -> Iterator[str]:
        bottom = self._height - _BOTTOM
        for tick in _TICKS:
            if self._least <= math.log(tick) <= self._most:
                x = self._x(tick)
                color = self._theme.faint if tick == 1 else self._theme.line
                yield f'<path d="M{x:.1f} {self._top - 22}V{bottom + 6}" stroke="{color}"/>'
                yield self._text(x, bottom + 20, f"{tick:g}x", anchor="middle", faint=True)
        yield self._text(self._x(1) - 8, self._top - 12, "worse", anchor="end", faint=True)
        yield self._text(self._x(1) + 8, self._top - 12, "better", faint=True)
        yield self._text(_WIDTH - 16, self._top - 12, "netforge", anchor="end", faint=True)

    def _groups(self) -> Iterator[str]:
        y = float(self._top)
        case = ""
        for row in self._rows:
            if row["case"] != case:
                case = row["case"]
                yield self._text(16, y + 23, case, weight=600)
                y += _HEADING
            yield from self._row(row, y + _ROW / 2)
            y += _ROW

    def _row(self, row: Row, y: float) -> Iterator[str]:
        yield self._text(28, y + 4, row["variant"])
        if row["ratio"]:
            ends = [self._x(ratio) for ratio in (min(row["ratio"].values()), max(row["ratio"].values()))]
            yield f'<path d="M{ends[0]:.1f} {y:.1f}H{ends[1]:.1f}" stroke="{self._theme.line}" stroke-width="3"/>'
        for peer, ratio in row["ratio"].items():
            yield self._dot(self._x(ratio), y, peer, f"{ratio:.3g} times better than {peer}")
        yield self._text(_WIDTH - 16, y + 4, f"{short(row['ours'])} {row['unit']}", anchor="end")

    def _x(self, ratio: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (math.log(ratio) - self._least) / (self._most - self._least)

    def _dot(self, x: float, y: float, peer: str, says: str = "") -> str:
        title = f"<title>{escape(says)}</title>" if says else ""
        if peer in WEB_PEERS:
            color = self._theme.peers[WEB_PEERS.index(peer)]
            return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{color}">{title}</rect>'
        if peer in PEERS:
            look = f'fill="{self._theme.peers[PEERS.index(peer)]}"'
        else:
            # The limit is no peer: a ring.
            look = f'fill="none" stroke="{self._theme.faint}" stroke-width="2"'
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" {look}>{title}</circle>'

    def _text(
        self, x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400, faint: bool = False
    ) -> str:
        color = self._theme.faint if faint else self._theme.text
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(text)}</text>"
        )


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def _main(results: Path, folder: Path) -> None:
    """Draw the charts of RESULTS, a file of JSON, into FOLDER."""
    write_charts(json.loads(results.read_text(encoding="utf-8")), folder)


if __name__ == "__main__":
    _main()
