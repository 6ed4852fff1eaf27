"""Latency under a load that a server can bear."""

from dataclasses import replace

from bench.case import WEB_LIMIT, Case, Sample, Variant
from bench.measures import by_wrk, latency
from bench.session import Session

# Of the most that each server answers.
_LOAD = 0.5


def _latency(session: Session, peer: str, variant: Variant) -> Sample:
    peak = by_wrk(session, peer, replace(variant, load="wrk {wrk} -c 32 {http}/hello")).value
    paced = replace(variant, load=f"http {{ours}} -n 32 -u /hello -r {peak * _LOAD:.0f} paced")
    return latency(session, peer, paced, _FIGURES[variant.name])


_FIGURES = {"99th percentile": "p99", "median": "median"}

CASE = Case(
    name="http-latency",
    about="How long a response takes that comes through a router, at half of the rate that the server bears",
    unit="ms",
    variants=[Variant(name, serve="http-hello") for name in _FIGURES],
    measure=_latency,
    peers=("twisted-web", "uvicorn", "granian", WEB_LIMIT),
    less_is_better=True,
)
