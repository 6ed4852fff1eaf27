"""What is reported: a table for people, and rows of JSON.

A row of the JSON is stable::

    {"case": "tcp-echo", "variant": "1 KiB, 50 connections", "unit": "messages/s",
     "ours": 150000.0, "peers": {"twisted-epoll": 50000.0}, "ratio": {"twisted-epoll": 3.0},
     "cpu_us": 6.6, "rounds": 5}

Values are medians of the rounds. A ratio is ours/peer, and peer/ours for times and memory, where less is better: above
1 is always better. ``cpu_us`` is the CPU time that our server took for each operation, in microseconds; ``null`` where
there are no operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypedDict

from rich.console import Group, RenderableType
from rich.table import Table

from bench.case import OURS
from bench.runner import Result

__all__ = ["Row", "rows", "short", "tables"]


class Row(TypedDict):
    """A row of the JSON."""

    case: str
    variant: str
    unit: str
    ours: float
    peers: dict[str, float]
    ratio: dict[str, float]
    cpu_us: float | None
    rounds: int


def rows(results: Iterable[Result]) -> list[Row]:
    """The rows of the JSON."""
    return [_row(result) for result in results]


def _row(result: Result) -> Row:
    cpu_us = result.cpu_us(OURS)
    return Row(
        case=result.case.name,
        variant=result.variant.name,
        unit=result.case.unit,
        ours=_rounded(result.value(OURS)),
        peers={peer: _rounded(result.value(peer)) for peer in result.peers},
        ratio={peer: _rounded(result.ratio(peer)) for peer in result.peers},
        cpu_us=None if cpu_us is None else _rounded(cpu_us),
        rounds=len(result.samples[OURS]),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def tables(results: Iterable[Result]) -> Iterator[RenderableType]:
    """A table for each case: values, how far the rounds are apart, ratios, CPU time for each operation."""
    for _, group in groupby(results, lambda result: result.case.name):
        several = list(group)
        case = several[0].case
        yield Group(f"[bold]{case.name}[/bold]: {case.about}", _table(several), _legend(several[0]), "")


def _legend(result: Result) -> str:
    unit = f"{result.case.unit}, less is better" if result.case.less_is_better else result.case.unit
    cpu_us = "" if result.cpu_us(OURS) is None else "; CPU time for each operation"
    return f"[dim]{unit}; how many times better we are{cpu_us}[/dim]"


def _table(results: list[Result]) -> Table:
    peers = results[0].peers
    table = Table(show_lines=True)
    table.add_column("")
    for name in (OURS, *peers):
        table.add_column(name, justify="right")
    for result in results:
        cells = [_cell(result, OURS, f"±{result.spread(OURS) * 50:.0f} %")]
        cells += [_cell(result, peer, _colored(result.ratio(peer))) for peer in peers]
        table.add_row(result.variant.name, *cells)
    return table


def _cell(result: Result, name: str, remark: str) -> str:
    lines = [f"[bold]{short(result.value(name))}[/bold]", remark]
    cpu_us = result.cpu_us(name)
    if cpu_us is not None:
        time = f"{short(cpu_us)} µs" if cpu_us < 10_000 else f"{short(cpu_us / 1000)} ms"
        lines.append(f"[dim]{time}[/dim]")
    return "\n".join(lines)


def _colored(ratio: float) -> str:
    color = "green" if ratio >= 1 else "red"
    return f"[{color}]{ratio:.2f}x[/{color}]"


def short(value: float) -> str:
    """A figure for people, to three digits."""
    if value >= 10_000:
        return f"{value / 1000:,.1f} k" if value < 100_000 else f"{value / 1000:,.0f} k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
