"""What was acknowledged is there, whatever happens afterwards."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: How many processes to kill.
MOMENTS = int(os.environ.get("MOMENTS", "10"))

CHILD = [sys.executable, "-m", "tests.shared.database.child", "commit", "[shared.database]\nurl = 'sqlite:///x.db'"]


def start(folder: Path, at_once: int, *before: str) -> subprocess.Popen[str]:
    """A process that adds things, so many at once, and says when each is committed."""
    process = subprocess.Popen(
        [*before, *CHILD, str(at_once)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("begin\n")
    process.stdin.flush()
    return process


@pytest.mark.real
def test_a_process_that_is_killed_has_lost_nothing(tmp_path: Path) -> None:
    chance = random.Random(MOMENTS)
    acknowledged: set[int] = set()
    for _ in range(MOMENTS):
        with start(tmp_path, 8) as process:
            assert process.stdout
            first = [process.stdout.readline() for _ in range(chance.randrange(40))]
            # Nothing to wait for: any moment will do, and before the first one while the file is being made.
            time.sleep(chance.uniform(0, 0.02 if first else 1))
            process.kill()
            acknowledged.update(int(line) for line in [*first, *process.stdout] if line.endswith("\n"))
        assert process.returncode == -signal.SIGKILL
        database = sqlite3.connect(tmp_path / "x.db")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if acknowledged:
            assert {number for (number,) in database.execute("SELECT id FROM things")} >= acknowledged
        database.close()
    assert len(acknowledged) > MOMENTS


@pytest.mark.real
def test_the_disk_has_it_before_it_is_acknowledged(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    watched = "trace=write,pwrite64,fsync,fdatasync"
    with start(tmp_path, 1, "strace", "-f", "-y", "-o", str(trace), "-e", watched) as process:
        assert process.stdout
        for _ in range(20):
            process.stdout.readline()
        # Which ends it, at its next acknowledgement.
        process.stdout.close()
    calls = re.findall(r"(write\(1)<|(pwrite64|f\w*sync)\(\d+<[^>]*/x\.db-wal>", trace.read_text())
    order = "".join("acknowledged " if acknowledged else f"{call} " for acknowledged, call in calls)
    once = r"(pwrite64 )+f(data)?sync acknowledged "
    assert re.search(rf"({once}){{20}}", order), order
