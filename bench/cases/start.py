"""How soon a server is ready."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.case import OURS, Case, Sample, Variant
from bench.processes import started
from bench.session import Session

_BIN = Path(sys.executable).parent
_PATIENCE = 30.0
_SETTINGS = """
[netforge]
state = "state"

[services.echo]
listen = ["tcp:127.0.0.1:0"]
"""
_COMMANDS = {
    "netforge run, one service": "netforge run forge.toml --ready-file ready.json",
    "twistd, one service": "twistd --pidfile= -n netforge --config forge.toml --ready-file ready.json",
    "netforge run, the lab": "netforge run --state state --free-ports --ready-file ready.json",
}


def _time_start(session: Session, peer: str, variant: Variant) -> Sample:
    return _time_ours(session, _COMMANDS[variant.name]) if peer == OURS else _time_peer(session, peer, variant)


def _time_ours(session: Session, command: str) -> Sample:
    with TemporaryDirectory() as name:
        folder = Path(name)
        ready = folder / "ready.json"
        (folder / "forge.toml").write_text(_SETTINGS)
        program, *arguments = command.split()
        begun = time.monotonic()
        with started([str(_BIN / program), *arguments], session.server_cores, folder) as server:
            while not ready.exists():
                if server.ended or time.monotonic() - begun > _PATIENCE:
                    raise server.failure("did not get ready")
                time.sleep(0.001)
            sample = _since(begun, server.cpu_seconds())
            server.terminate()
    return sample


def _time_peer(session: Session, peer: str, variant: Variant) -> Sample:
    begun = time.monotonic()
    with session.server(peer, variant.serve) as server:
        server.read_line()
        return _since(begun, server.cpu_seconds())


def _since(begun: float, cpu: float) -> Sample:
    return Sample((time.monotonic() - begun) * 1000, cpu * 1e6)


CASE = Case(
    name="start",
    about="From the start of the process until it serves: netforge with settings and all, peers a bare echo server",
    unit="ms",
    variants=[Variant(name) for name in _COMMANDS],
    measure=_time_start,
    less_is_better=True,
)
