"""Timers that are moved and replaced."""

from bench.case import Case, Sample, Variant
from bench.measures import read_rate
from bench.session import Session


def _change_timers(session: Session, peer: str, variant: Variant) -> Sample:
    """No load program: the server does it all, see bench/peers/timers.py."""
    durations = ("--warmup", str(session.warmup), "--seconds", str(session.seconds))
    with session.server(peer, variant.serve, "--operation", variant.name, *durations) as process:
        return read_rate(process, session)


CASE = Case(
    name="timers",
    about="100 000 outstanding timers: each in turn is reset, or cancelled and replaced (asyncio cannot reset)",
    unit="timers/s",
    variants=[Variant("reset", serve="timers"), Variant("cancel", serve="timers")],
    measure=_change_timers,
)
