"""The command line: ``python -m bench [CASE ...]``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.cases import find_cases
from bench.chart import write_charts
from bench.processes import BenchError
from bench.report import rows, tables
from bench.runner import Measurement, measure, plan
from bench.session import Session

_CASES = find_cases()
_PEERS = list(dict.fromkeys(peer for case in _CASES.values() for peer in case.peers))
_ROUNDS = 5
_SECONDS = 2.0
_WARMUP = 0.5
_QUICK_SECONDS = 0.2
_QUICK_WARMUP = 0.1


@click.command()
@click.argument("cases", nargs=-1, type=click.Choice(list(_CASES)))
@click.option("--peer", "peers", multiple=True, type=click.Choice(_PEERS), help="Only this one; repeatable.")
@click.option("--rounds", default=_ROUNDS, show_default=True, type=click.IntRange(1), help="How often.")
@click.option("--seconds", default=_SECONDS, show_default=True, type=click.FloatRange(0.05), help="How long each time.")
@click.option("--quick", is_flag=True, help="Only see that everything works, in no time; the figures mean nothing.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file.")
@click.option("--chart", type=click.Path(file_okay=False, path_type=Path), help="Write charts to this folder, as SVG.")
def main(
    cases: Sequence[str],
    peers: Sequence[str],
    rounds: int,
    seconds: float,
    quick: bool,
    file: Path | None,
    chart: Path | None,
) -> None:
    """Measure our server and its peers in some CASES, or in all."""
    # Whoever ends the runner in this way, too, leaves nothing behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rounds = 1 if quick else rounds
    measurements = plan([_CASES[name] for name in cases or _CASES], peers, rounds, quick=quick)
    results = list(dict.fromkeys(measurement.result for measurement in measurements))
    console = Console()
    if not console.is_terminal:
        console.width = 120
    try:
        with TemporaryDirectory(prefix="bench-") as folder:
            warmup, seconds = (_QUICK_WARMUP, _QUICK_SECONDS) if quick else (_WARMUP, seconds)
            session = Session(Path(folder), warmup, seconds, quick=quick)
            os.sched_setaffinity(0, session.load_cores)
            _run(session, measurements, console)
    finally:
        # Also what was complete before something failed, or somebody had enough.
        for table in tables(result for result in results if result.complete(rounds)):
            console.print(table)
    if file is not None:
        file.write_text(json.dumps(rows(results), indent=2) + "\n")
    if chart is not None:
        write_charts(rows(results), chart)


def _run(session: Session, measurements: Sequence[Measurement], console: Console) -> None:
    """Measure everything, and show how far it is.

    :raises ClickException: something failed.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(measurements))
        for measurement in measurements:
            progress.update(task, description=measurement.label)
            try:
                measure(session, measurement)
            except BenchError as error:
                notes = getattr(error, "__notes__", [])
                raise click.ClickException("\n".join([f"{measurement.label}: {error}", *notes])) from None
            progress.advance(task)


if __name__ == "__main__":
    main()
