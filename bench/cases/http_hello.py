"""The least response, through a router."""

from bench.case import WEB_LIMIT, Case, Variant
from bench.measures import by_wrk

CASE = Case(
    name="http-hello",
    about="GET through a router, keep-alive; nginx has nothing but the answer",
    unit="requests/s",
    variants=[
        Variant(f"{connections} connections", f"wrk {{wrk}} -c {connections} {{http}}/hello", serve="http-hello")
        for connections in (32, 512)
    ],
    measure=by_wrk,
    peers=("twisted-web", "uvicorn", "granian", WEB_LIMIT),
)
