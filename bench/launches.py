"""netforge itself, as a user launches it, for the cases that measure more than a reactor."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import Process, started

__all__ = ["NETFORGE", "serving"]

NETFORGE = str(Path(sys.executable).parent / "netforge")

#: Seconds until it serves.
_PATIENCE = 30.0


@contextmanager
def serving(folder: Path, cores: Collection[int], *options: str) -> Iterator[tuple[Process, int]]:
    """Run the one listener of ``forge.toml`` in a folder. Its port comes with it.

    :param cores: where it may run.
    :param options: further ones of ``netforge run``.
    """
    ready = folder / "ready.json"
    with started([NETFORGE, "run", "forge.toml", "--ready-file", "ready.json", *options], cores, folder) as server:
        deadline = time.monotonic() + _PATIENCE
        while not ready.exists():
            if server.ended or time.monotonic() > deadline:
                raise server.failure("did not get ready")
            time.sleep(0.01)
        [served] = json.loads(ready.read_text())["services"]
        yield server, int(served["address"].rpartition(":")[2])
