"""Our WebSocket, server and client, judged by Autobahn's testsuite.

Run it as a program, with cases as its arguments, such as ``1.* 12.1.*``; without any it runs all of them, which takes
half an hour. It prints how many ended how, and exits with 1 if one of them failed. The testsuite runs on Python 2.7 and
nothing later: name one by ``PYTHON2`` if there is no ``python2.7`` on the path. It is installed from PyPI for each run.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.task import deferLater, react

from netforge.protocols.http import Exchange, HTTPFactory
from netforge.protocols.websocket import Limits, WebSocket, accept, connect
from netforge.reactor import ForgeReactor

AGENT = "netforge"
#: What is no failure: observations without a right answer, and offers that the other side did not take up.
GOOD = {"OK", "INFORMATIONAL", "UNIMPLEMENTED"}
#: The largest messages have 16 MiB.
LIMITS = Limits(message=32 * 1024 * 1024)
#: What Autobahn runs as, since it is no folder of Python's own.
WSTEST = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
# Of seconds.
PATIENCE = 3600


def main(cases: list[str]) -> int:
    """Print what is found; the exit status."""
    python = os.environ.get("PYTHON2") or shutil.which("python2.7")
    if python is None:
        print("Autobahn's testsuite needs Python 2.7: name one by PYTHON2=")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", "suite"]
        subprocess.run([*install, "autobahntestsuite==25.10.1"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        suite = [python, "-c", WSTEST, "suite", "--webport", "0", "--spec", "spec.json"]
        failed = judge("server", judged_server(suite, folder, cases or ["*"]))
        failed += judge("client", judged_client(suite, folder, cases or ["*"]))
    return 1 if failed else 0


def judge(side: str, cases: dict[str, Any]) -> int:
    """Print how the cases ended; how many failed."""
    ends = {name: (case["behavior"], case["behaviorClose"]) for name, case in cases.items()}
    failed = {name: end for name, end in ends.items() if not GOOD.issuperset(end)}
    for name, end in failed.items():
        print(f"{side}, case {name}: {end[0]}, closing {end[1]}")
    counts = ", ".join(f"{count} {behavior}" for behavior, count in Counter(end for end, _ in ends.values()).items())
    print(f"{side}: {len(ends)} cases: {counts}; {len(failed)} not accepted")
    return len(failed) + (not ends)


def judged_server(suite: list[str], folder: Path, cases: list[str]) -> dict[str, Any]:
    """What Autobahn finds at our server."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = f"ws://127.0.0.1:{int(server.stdout.readline())}"
            spec = {"servers": [{"agent": AGENT, "url": url}], "cases": cases}
            return report([*suite, "--mode", "fuzzingclient"], folder, spec)
        finally:
            server.terminate()


def judged_client(suite: list[str], folder: Path, cases: list[str]) -> dict[str, Any]:
    """What Autobahn finds at our client."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = {"url": f"ws://127.0.0.1:{port}", "cases": cases}
    return report([*suite, "--mode", "fuzzingserver"], folder, spec, [sys.executable, __file__, "--ask", str(port)])


def report(command: list[str], folder: Path, spec: dict[str, Any], asking: list[str] | None = None) -> dict[str, Any]:
    """Run Autobahn, until it ends or who asks it ends; what it reports."""
    shutil.rmtree(folder / "reports", ignore_errors=True)
    whole = {"outdir": "reports", "exclude-cases": [], "exclude-agent-cases": {}, **spec}
    (folder / "spec.json").write_text(json.dumps(whole))
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as autobahn:
        try:
            if asking is None:
                autobahn.wait(PATIENCE)
            else:
                subprocess.run(asking, check=True, timeout=PATIENCE)
        finally:
            autobahn.kill()
    cases: dict[str, Any] = json.loads((folder / "reports" / "index.json").read_text())[AGENT]
    return cases


async def echo(socket: WebSocket) -> None:
    """Say everything again."""
    async with socket:
        async for message in socket:
            socket.send(message)
            await socket.ready()


async def serve(reactor: Any) -> None:
    """Be the server."""
    factory = HTTPFactory(lambda exchange: echo(accepted(exchange, reactor)), reactor)
    print(reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port, flush=True)
    await Deferred()


def accepted(exchange: Exchange, reactor: Any) -> WebSocket:
    return accept(exchange, clock=reactor, limits=LIMITS)


async def ask(reactor: Any, port: int) -> None:
    """Be the client, in one case after the other."""

    async def opened(path: str) -> WebSocket:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", port)
        return await connect(endpoint, f"ws://127.0.0.1:{port}{path}", clock=reactor, limits=LIMITS)

    for _ in range(300):
        try:
            async with await opened("/getCaseCount") as socket:
                count = int(await socket.receive())
            break
        except ConnectError:
            await deferLater(reactor, 0.1)
    for number in range(1, count + 1):
        await echo(await opened(f"/runCase?case={number}&agent={AGENT}"))
    await opened(f"/updateReports?agent={AGENT}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve"]:
            react(lambda reactor: Deferred.fromCoroutine(serve(reactor)), _reactor=ForgeReactor())
        case ["--ask", port]:
            react(lambda reactor: Deferred.fromCoroutine(ask(reactor, int(port))), _reactor=ForgeReactor())
        case cases:
            sys.exit(main(cases))
