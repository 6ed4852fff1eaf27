"""The least response over HTTP/2."""

from bench.case import Case, Variant
from bench.measures import by_h2load

CASE = Case(
    name="h2-hello",
    about="GET over HTTP/2, without TLS",
    unit="requests/s",
    variants=[
        Variant("8 connections, 32 streams", "h2load -t 1 -c 8 -m 32 -D {seconds} {http}/hello", serve="http-hello")
    ],
    measure=by_h2load,
    peers=("hypercorn",),
)
