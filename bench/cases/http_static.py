"""Files."""

from bench.case import WEB_LIMIT, Case, Variant
from bench.measures import throughput

CASE = Case(
    name="http-static",
    about="A file, again and again on each connection",
    unit="MiB/s",
    variants=[
        Variant(f"{name}, 32 connections", f"http {{ours}} -n 32 -u /{file} bulk", serve="http-static")
        for name, file in (("1 MiB", "mib"), ("1 GiB", "gib"), ("10 KiB", "kib"))
    ],
    measure=throughput,
    peers=(WEB_LIMIT,),
)
