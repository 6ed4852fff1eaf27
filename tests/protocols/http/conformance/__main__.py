"""The web, judged by the programs of others: h2spec, h2load, curl, slowhttptest and Chromium, as far as they are here.

``python -m tests.protocols.http.conformance`` runs all of them in some minutes, or those that are its arguments;
``--quick`` makes it short. It prints what is found, and exits with 1 if any of it is not accepted.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.protocols.http.conformance import chromium, curl, h2load, h2spec, slowhttptest
from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server

__all__: list[str] = []

JUDGES = {"h2spec": h2spec, "h2load": h2load, "curl": curl, "chromium": chromium, "slowhttptest": slowhttptest}


def main(names: list[str], *, quick: bool) -> int:
    """Print what they find; the exit status."""
    lines, refused = [], 0
    for name in names:
        judge = JUDGES[name]
        if shutil.which(judge.PROGRAM) is None:
            lines.append(f"{name}: not installed")
            continue
        report = Report(name)
        with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
            judge.judge(server, report, quick=quick)
            report.check("the server's log", "Traceback" not in server.log, server.log)
        lines.append(report.summary())
        refused += report.refused
    print("\n".join(lines))
    return 1 if refused else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    chosen = [argument for argument in arguments if argument != "--quick"]
    sys.exit(main(chosen or [*JUDGES], quick="--quick" in arguments))
