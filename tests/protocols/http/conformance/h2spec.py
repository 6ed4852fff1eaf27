"""HTTP/2 by the book, with h2spec."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server

__all__ = ["PROGRAM", "judge"]

PROGRAM = os.environ.get("H2SPEC", "h2spec")
#: What is found without TLS, and why it stands.
ACCEPTED = {"Sends invalid connection preface": "it is answered as HTTP/1.1, which the same port speaks"}


def judge(server: Server, report: Report, *, quick: bool) -> None:
    """All cases, with TLS and without; about fifteen seconds. The quick form is without."""
    if not quick:
        _run(report, "with TLS", ["-p", str(server.tls_port), "-t", "-k"], {})
    _run(report, "without TLS", ["-p", str(server.port)], ACCEPTED)


def _run(report: Report, how: str, options: list[str], accepted: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.xml"
        # An application that waits for the whole request: an early answer may be there before what is wrong.
        command = [PROGRAM, *options, "--path", "/app", "--strict", "--timeout", "5", "--junit-report", str(found)]
        subprocess.run(command, check=False, timeout=600, stdout=subprocess.DEVNULL)
        cases = [*ElementTree.parse(found).iter("testcase")]
    report.note(f"{len(cases)} cases {how}")
    if not cases:
        report.check(f"cases {how}", False, "none was run")
    for case in cases:
        name = case.get("classname", "")
        failed = case.find("failure")
        if failed is None:
            failed = case.find("error")
        if failed is not None and name in accepted:
            report.accept(f"{how}, {case.get('package')}: {name}", accepted[name])
        else:
            report.check(f"{how}, {case.get('package')}: {name}", failed is None, failed is not None and failed.text)
