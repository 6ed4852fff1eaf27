"""The default TLS of a listener, judged by testssl.sh: nothing above low but what is accepted here.

Run it as a program. It takes no arguments and a minute and a half, and exits with 1 if anything else is found. It needs
Debian's package testssl.sh.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# What is found above low, and why it stands.
ACCEPTED = {
    "cert_revocation": "the local authority revokes nothing: what it signs is not valid for long",
    "cert_expirationStatus": "what the local authority signs is valid for 45 days, on purpose, and renewed after 30",
    "cert_notAfter": "likewise",
}

# Severities of testssl.sh that are above low, and what it says when it could not do its work.
GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}

SETTINGS = """
[netforge]
state = "state"
[services.tls]
service = "echo"
protocol = "discard"
# It connects some thousand times, and from this computer.
listen = [{ address = "tcp:127.0.0.1:0", tls = true, limits = false }]
"""
NETFORGE = (sys.executable, "-c", "from netforge.cli.main import main; main(prog_name='netforge')")
TESTSSL = ("testssl", "--quiet", "--color", "0", "--warnings", "off")
# Of seconds.
PATIENCE = 900


def main() -> int:
    """Print what is found; the exit status."""
    with tempfile.TemporaryDirectory() as name:
        findings = examined(Path(name))
    grave = [finding for finding in findings if finding["severity"] in GRAVE]
    for finding in grave:
        reason = ACCEPTED.get(finding["id"])
        print(finding["severity"], finding["id"], finding["finding"], f"(accepted: {reason})" if reason else "")
    refused = {finding["id"] for finding in grave} - ACCEPTED.keys()
    print(f"{len(findings)} findings, {len(grave)} above low, {len(refused)} of these not accepted")
    return 1 if refused or not findings else 0


def examined(folder: Path) -> list[dict[str, Any]]:
    """What testssl.sh finds at a server that is started for it."""
    settings, ready, root, found = (folder / name for name in ("forge.toml", "ready", "root.pem", "found.json"))
    settings.write_text(SETTINGS)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*NETFORGE, "run", settings, "--ready-file", ready], stdout=log, stderr=log)
    try:
        while not ready.exists():
            if server.poll() is not None:
                raise RuntimeError(f"the server did not start:\n{(folder / 'log').read_text()}")
            time.sleep(0.1)
        trust = [*NETFORGE, "trust", "--config", str(settings)]
        root.write_text(subprocess.run(trust, check=True, capture_output=True, text=True).stdout)
        port = json.loads(ready.read_text())["services"][0]["address"].rpartition(":")[2]
        examine = [*TESTSSL, "--add-ca", str(root), "--jsonfile", str(found), f"localhost:{port}"]
        subprocess.run(examine, check=False, timeout=PATIENCE, stdout=subprocess.DEVNULL)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    findings: list[dict[str, Any]] = json.loads(found.read_text())
    return findings


if __name__ == "__main__":
    sys.exit(main())
