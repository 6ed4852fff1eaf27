"""Applications of WSGI."""

from bench.case import Case, Variant
from bench.measures import by_wrk

CASE = Case(
    name="http-wsgi",
    about="GET from an application of WSGI in one of 16 threads, keep-alive",
    unit="requests/s",
    variants=[Variant("Flask", "wrk {wrk} -c 32 {http}/hello", serve="http-flask")],
    measure=by_wrk,
    peers=("gunicorn",),
)
