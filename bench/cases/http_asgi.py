"""Applications of ASGI."""

from bench.case import Case, Variant
from bench.measures import by_wrk

CASE = Case(
    name="http-asgi",
    about="GET from an application of ASGI, keep-alive",
    unit="requests/s",
    variants=[
        Variant("no framework", "wrk {wrk} -c 32 {http}/hello", serve="http-asgi"),
        Variant("Starlette", "wrk {wrk} -c 32 {http}/hello", serve="http-starlette"),
    ],
    measure=by_wrk,
    peers=("uvicorn",),
)
