"""Where and how long to measure: cores, durations, and what is built once for all cases."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from functools import cache, cached_property
from pathlib import Path

from bench.processes import BenchError, Process, started

__all__ = ["Session"]

_HERE = Path(__file__).parent
# What the load programs in bench/load all take.
_OURS = "-p {port} -c {server} -w {warmup} -t {seconds}"
_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
_LIBRARIES = {"tls": ("-lssl", "-lcrypto")}


class Session:
    """One run of the benchmarks.

    The server has one core for itself; load programs and the runner have the others. Where there is only one core, they
    share it, and the figures say little.

    :param folder: an empty folder for what is built.
    :param warmup: seconds of load before each measurement.
    :param seconds: how long each takes.
    :param quick: whether it is only to see that everything works.
    """

    def __init__(self, folder: Path, warmup: float, seconds: float, *, quick: bool) -> None:
        self.warmup = warmup
        self.seconds = seconds
        self.quick = quick
        self._folder = folder
        *others, last = sorted(os.sched_getaffinity(0))
        self.server_cores = {last}
        self.load_cores = set(others or [last])
        self._program = cache(self._find_program)

    def server(self, peer: str, serve: str, *arguments: str) -> AbstractContextManager[Process]:
        """Start a server. Its first line is the port that it listens on.

        :param peer: whose.
        :param serve: which.
        """
        if peer == "c-epoll":
            return started([self._program("c_epoll")], self.server_cores)
        module = f"bench.peers.{peer.replace('-', '_')}"
        certificate = ("--certificate", str(self.certificate)) if serve.startswith("tls-") else ()
        command = [sys.executable, "-m", module, "--case", serve, *certificate, *arguments]
        return started(command, self.server_cores)

    def load(self, command: str, port: int, server: Process) -> AbstractContextManager[Process]:
        """Start a load program.

        :param command: as in :class:`bench.case.Variant`.
        :raises BenchError: it does not compile, or is not installed.
        """
        whole = command.replace("{ours}", _OURS)
        filled = whole.format(port=port, server=server.pid, warmup=self.warmup, seconds=self.seconds)
        name, *arguments = filled.split()
        return started([self._program(name), *arguments], self.load_cores)

    @cached_property
    def certificate(self) -> Path:
        """A PEM file of a private key and a certificate for it.

        :raises BenchError: what makes it is not installed.
        """
        try:
            from bench.certificate import write_certificate  # noqa: PLC0415  needs what only the extra brings
        except ModuleNotFoundError as error:
            raise BenchError(f"{error}: install netforge[bench]") from None
        path = self._folder / "certificate.pem"
        write_certificate(path)
        return path

    def _find_program(self, name: str) -> str:
        for source in (_HERE / "load" / f"{name}.c", _HERE / "peers" / f"{name}.c"):
            if source.exists():
                return self._compile(source)
        found = shutil.which(name)
        if found is None:
            raise BenchError(f"{name} is not installed")
        return found

    def _compile(self, source: Path) -> str:
        program = self._folder / source.stem
        common = [_HERE / "load" / "common.c"] if source.parent.name == "load" else []
        command = ["cc", *_FLAGS, "-o", program, source, *common, *_LIBRARIES.get(source.stem, ())]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise BenchError("there is no C compiler: on Debian, install gcc and libc6-dev") from None
        if done.returncode:
            raise BenchError(f"{source} does not compile (the tls one needs libssl-dev):\n{done.stderr.rstrip()}")
        return str(program)
