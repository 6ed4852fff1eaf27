"""Thousands of requests over HTTP/2 on many streams, with h2load."""

from __future__ import annotations

import re
import subprocess

from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server

__all__ = ["PROGRAM", "judge"]

PROGRAM = "h2load"


def judge(server: Server, report: Report, *, quick: bool) -> None:
    """Pages and uploads, with TLS and without, over HTTP/2 and HTTP/1.1."""
    requests = 200 if quick else 10_000
    upload = ["-d", __file__]
    for what, url, options in (
        ("pages", server.url(), []),
        ("pages with TLS", server.url(tls=True), []),
        ("uploads", server.url("/app"), upload),
        ("uploads with TLS", server.url("/app", tls=True), upload),
        ("pages over HTTP/1.1", server.url(), ["--h1"]),
        ("pages over HTTP/1.1 with TLS", server.url(tls=True), ["--h1"]),
    ):
        command = [PROGRAM, "-n", str(requests), "-c", "10", "-m", "50", *options, url]
        done = subprocess.run(command, check=False, timeout=600, capture_output=True, text=True)
        found = re.search(r"(\d+) succeeded.*\nstatus codes: (\d+) 2xx", done.stdout)
        right = found is not None and int(found[1]) == int(found[2]) == requests
        report.check(f"{requests} {what}", right, done.stdout + done.stderr)
