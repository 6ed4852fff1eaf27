"""A page in a browser."""

from __future__ import annotations

import subprocess
import tempfile

from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server

__all__ = ["PROGRAM", "judge"]

PROGRAM = "chromium"
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--virtual-time-budget=5000"]


def judge(server: Server, report: Report, *, quick: bool) -> None:
    """Chromium speaks HTTP/1.1 without TLS, and HTTP/2 with it."""
    for tls, protocol in ((False, "http/1.1"), (True, "h2")):
        with tempfile.TemporaryDirectory() as folder:
            command = [PROGRAM, *OPTIONS, f"--user-data-dir={folder}", "--dump-dom", server.url(tls=tls)]
            done = subprocess.run(command, check=False, timeout=120, capture_output=True, text=True)
        report.check(protocol, f'<p id="protocol">{protocol}</p>' in done.stdout, done.stdout + done.stderr[-500:])
