"""Round trips over TLS."""

from dataclasses import replace

from bench.case import OURS, Case, Sample, Variant
from bench.measures import throughput
from bench.session import Session


def _throughput(session: Session, peer: str, variant: Variant) -> Sample:
    # asyncio always has an SSLContext, and Twisted never.
    return throughput(session, peer, variant if peer == OURS else replace(variant, serve="tls-echo"))


CASE = Case(
    name="tls-echo",
    about="Echo over TLS 1.3, one message in flight on each connection",
    unit="messages/s",
    variants=[
        Variant("256 B, 20 connections", "tls {ours} -n 20 -s 256 echo", serve="tls-echo"),
        Variant("256 B, 20 connections, ssl.SSLContext", "tls {ours} -n 20 -s 256 echo", serve="tls-echo-context"),
    ],
    measure=_throughput,
)
