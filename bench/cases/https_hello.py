"""The least response over TLS."""

from bench.case import Case, Variant
from bench.measures import by_wrk

CASE = Case(
    name="https-hello",
    about="GET through a router over TLS 1.3, keep-alive",
    unit="requests/s",
    variants=[Variant("32 connections", "wrk {wrk} -c 32 {https}/hello", serve="tls-http-hello")],
    measure=by_wrk,
    peers=("twisted-web",),
)
