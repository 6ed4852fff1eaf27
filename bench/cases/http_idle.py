"""Memory of idle connections of HTTP."""

from bench.case import Case, Variant
from bench.measures import memory_of_idle

CASE = Case(
    name="http-idle",
    about="Resident memory for each of 10 000 idle connections that have asked once",
    unit="bytes/connection",
    variants=[Variant("10 000 connections", "http {ours} -u /hello", serve="http-hello")],
    measure=memory_of_idle,
    peers=("twisted-web", "uvicorn"),
    less_is_better=True,
)
