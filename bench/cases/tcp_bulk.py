"""Data that flows one way over TCP."""

from bench.case import Case, Variant
from bench.measures import throughput

CASE = Case(
    name="tcp-bulk",
    about="Much data one way over TCP: without end to the server, or 1 MiB from it for each byte that asks",
    unit="MiB/s",
    variants=[
        Variant("to the server, 4 connections", "tcp {ours} -n 4 bulk", serve="tcp-sink"),
        Variant("from the server, 4 connections", "tcp {ours} -n 4 -s 1 -a 1048576 echo", serve="tcp-download"),
    ],
    measure=throughput,
)
