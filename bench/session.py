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
# What stands in load commands for something longer.
_SHORT = {
    # What the load programs in bench/load all take.
    "{ours}": "-p {port} -c {server} -w {warmup} -t {seconds}",
    "{wrk}": "-t 1 -d {seconds} -s bench/load/wrk.lua",
    "{http}": "http://127.0.0.1:{port}",
    "{https}": "https://127.0.0.1:{port}",
}
# What is not ours, and the packages of Debian that have it.
_PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client", "nginx": "nginx-light"}
# Names and sizes of what is served.
_FILES = {"kib": 10 * 1024, "mib": 1024**2, "gib": 1024**3}
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
        if peer == "nginx":
            self._program(peer)
        if serve == "http-static":
            self._make_files()
        module = f"bench.peers.{peer.replace('-', '_')}"
        options = ["--case", serve, "--folder", str(self._folder)]
        if serve.startswith("tls-"):
            options += ["--certificate", str(self.certificate)]
        return started([sys.executable, "-m", module, *options, *arguments], self.server_cores)

    def load(
        self, command: str, port: int, server: Process, seconds: float | None = None
    ) -> AbstractContextManager[Process]:
        """Start a load program.

        :param command: as in :class:`bench.case.Variant`.
        :param seconds: how long it takes, if not as all do.
        :raises BenchError: it does not compile, or is not installed.
        """
        for short, long in _SHORT.items():
            command = command.replace(short, long)
        seconds = self.seconds if seconds is None else seconds
        filled = command.format(port=port, server=server.pid, warmup=self.warmup, seconds=seconds)
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

    def _make_files(self) -> None:
        """Those that ``http-static`` serves: they have no blocks on the disk."""
        folder = self._folder / "files"
        folder.mkdir(exist_ok=True)
        for name, size in _FILES.items():
            (folder / name).touch()
            os.truncate(folder / name, size)

    def _find_program(self, name: str) -> str:
        for source in (_HERE / "load" / f"{name}.c", _HERE / "peers" / f"{name}.c"):
            if source.exists():
                return self._compile(source)
        found = shutil.which(name)
        if found is None:
            hint = f": on Debian, install {_PACKAGES[name]}" if name in _PACKAGES else ""
            raise BenchError(f"{name} is not installed{hint}")
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
