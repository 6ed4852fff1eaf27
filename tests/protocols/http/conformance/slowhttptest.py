"""Slow clients, with slowhttptest: what they cost everybody else."""

from __future__ import annotations

import http.client
import resource
import statistics
import subprocess
import time
from operator import itemgetter

from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server

__all__ = ["PROGRAM", "judge"]

PROGRAM = "slowhttptest"
#: Connections, those begun each second, and seconds: of an attack, and of each measurement of everybody else.
LONG, QUICK = (5000, 500, 45, 5), (300, 300, 8, 1)
#: Heads that never end, bodies that never end, responses that are hardly read, and very many ranges.
ATTACKS = {
    "slow heads": ["-H", "-i", "5", "-x", "24"],
    "slow bodies": ["-B", "-i", "5", "-x", "24", "-s", "8192"],
    "slow reads": ["-X", "-n", "5", "-w", "512", "-y", "1024", "-z", "32", "-k", "3"],
    "ranges": ["-R", "-a", "5", "-b", "3000"],
}
#: Seconds between two requests of everybody else.
PAUSE = 0.01


def judge(server: Server, report: Report, *, quick: bool) -> None:
    """During each attack, everybody else's 99th percentile is less than twice what it was before."""
    connections, rate, lasting, measured = QUICK if quick else LONG
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        for name, options in ATTACKS.items():
            path = "/app" if name == "slow bodies" else "/large.txt"
            before = latency(server, measured)
            command = [PROGRAM, *options, "-c", str(connections), "-r", str(rate), "-l", str(lasting)]
            with subprocess.Popen([*command, "-u", server.url(path)], stdout=subprocess.DEVNULL) as attack:
                time.sleep(2 * connections / rate + 1)
                during = latency(server, measured)
                attack.terminate()
            figures = "p50 {:.2f} and p99 {:.2f} ms before, {:.2f} and {:.2f} ms during".format(*before, *during)
            report.note(f"{name}, {connections} connections: {figures}")
            report.check(name, during[1] < 2 * before[1], figures)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def latency(server: Server, seconds: float) -> tuple[float, float]:
    """The median and 99th percentile of requests on one connection, in milliseconds: those of the best of three times.

    What else runs on this computer is not the server's fault.
    """
    return min((_latency(server, seconds) for _ in range(3)), key=itemgetter(1))


def _latency(server: Server, seconds: float) -> tuple[float, float]:
    took = []
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        connection.request("GET", "/")
        connection.getresponse().read()
        took.append((time.monotonic() - began) * 1000)
        time.sleep(PAUSE)
    connection.close()
    return statistics.median(took), statistics.quantiles([*took, took[-1]], n=100)[98]
