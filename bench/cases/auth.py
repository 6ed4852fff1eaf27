"""A good login while somebody guesses."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.case import OURS, Case, Sample, Variant
from bench.launches import NETFORGE, serving
from bench.processes import Process
from bench.session import Session

_QUIET = "no-guessing"
_PLUGINS = Path(__file__).parent.parent / "plugins"
_SETTINGS = """
[netforge]
state = "state"

[services.login]
listen = ["tcp:127.0.0.1:0"]
"""
# Linux has all of 127.0.0.0/8 on loopback.
_ADA, _MALLORY = "127.0.0.1", "127.0.0.2"
_GUESSES = 200
_PAUSE = 0.02
_NAMES = {"one account": "ada", "names in turn": "user{number}"}


def _latency(session: Session, peer: str, variant: Variant) -> Sample:
    with _serving(session) as (server, port):
        before = server.cpu_seconds()
        guessing = _NAMES[variant.name] if peer == OURS else ""
        latencies = asyncio.run(_log_in(port, guessing, session))
        spent = server.cpu_seconds() - before
        server.terminate()
    return Sample(median(latencies) * 1000, spent / len(latencies) * 1e6)


async def _log_in(port: int, guessing: str, session: Session) -> list[float]:
    """How many seconds each of one good login after another took, beside the guessing."""
    guess = asyncio.create_task(_guess(port, guessing))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(_ADA, 0))
    latencies: list[float] = []
    begun = time.monotonic()
    counts, ends = begun + session.warmup, begun + session.warmup + session.seconds
    while (now := time.monotonic()) < ends or not latencies:
        writer.write(b"ada pencil\n")
        answer = await reader.readline()
        assert answer == b"yes\n", answer
        if now >= counts:
            latencies.append(time.monotonic() - now)
        await asyncio.sleep(_PAUSE)
    writer.close()
    guess.cancel()
    return latencies


async def _guess(port: int, name: str) -> None:
    """Guess so many times a second, whatever the answers are; nothing without a name."""
    if not name:
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(_MALLORY, 0))
    reading = asyncio.create_task(reader.read())
    begun = time.monotonic()
    number = 0
    try:
        while True:
            while number < (time.monotonic() - begun) * _GUESSES:
                writer.write(f"{name.format(number=number)} wrong{number}\n".encode())
                number += 1
            await asyncio.sleep(1 / _GUESSES)
    finally:
        reading.cancel()
        writer.close()


@contextmanager
def _serving(session: Session) -> Iterator[tuple[Process, int]]:
    """Run a service that asks for logins, where ada's password is "pencil". Its port comes with it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "forge.toml").write_text(_SETTINGS)
        subprocess.run(
            [NETFORGE, "user", "add", "ada", "--config", "forge.toml"],
            input=b"pencil\n",
            cwd=folder,
            check=True,
            capture_output=True,
        )
        with serving(folder, session.server_cores, "--plugin-dir", str(_PLUGINS)) as served:
            yield served


CASE = Case(
    name="auth",
    about=f"A good login while another address guesses {_GUESSES} times a second, and without that",
    unit="ms",
    variants=[Variant(name) for name in _NAMES],
    measure=_latency,
    peers=(_QUIET,),
    less_is_better=True,
)
