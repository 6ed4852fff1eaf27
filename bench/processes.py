"""Processes that are pinned to cores, are waited for only so long, and do not outlive the runner."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["BenchError", "Process", "started"]

# Seconds that a process may take to say something, beyond what it was told to take; and to end.
_PATIENCE = 30.0
_ENDING = 5.0
# Where `python -m bench.peers...` finds the servers.
_ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something cannot be measured. Notes on it say what the processes wrote to their error outputs."""


class Process:
    """A process that :func:`started` has started.

    :ivar command: the program and its arguments.
    :ivar pid: its process id.
    """

    def __init__(self, command: Sequence[str], popen: subprocess.Popen[bytes]) -> None:
        self.command = command
        self.pid = popen.pid
        self._popen = popen

    def read_line(self, seconds: float = 0.0) -> str:
        """Wait for the next line of its output.

        :param seconds: how long it was told to take.
        :raises BenchError: it ended, or took too long.
        """
        output = self._popen.stdout
        assert output is not None
        # Nobody here writes a line in pieces, or a second one before the first was read.
        ready, _, _ = select.select([output], [], [], seconds + _PATIENCE)
        if not ready:
            raise self.failure(f"said nothing within {seconds + _PATIENCE:g} s")
        line = output.readline().decode()
        if not line:
            raise self.failure("ended too early")
        return line

    def read_all(self, seconds: float) -> str:
        """Wait for its end, and for all of its output.

        :param seconds: how long it was told to take.
        :raises BenchError: it failed, or took too long.
        """
        try:
            output, _ = self._popen.communicate(timeout=seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {seconds + _PATIENCE:g} s") from None
        if self._popen.returncode:
            raise self.failure(f"ended with status {self._popen.returncode}")
        return output.decode()

    def failure(self, what: str) -> BenchError:
        """The error to raise when it failed."""
        return BenchError(f"{shlex.join(self.command)} {what}")

    def finish(self) -> None:
        """End its input, which is to end it, and wait.

        :raises BenchError: it goes on.
        """
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        try:
            self._popen.wait(_ENDING)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {_ENDING:g} s") from None

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._popen.poll() is not None

    def terminate(self) -> None:
        """Ask it by SIGTERM to end."""
        self._popen.terminate()

    def cpu_seconds(self) -> float:
        """CPU time that it and its children took until now, to 10 ms."""
        return sum(int(fields[11]) + int(fields[12]) for fields in self._group().values()) / _TICKS

    def resident_bytes(self) -> int:
        """Its resident set and those of its children, with the pages that they share with others."""
        # Not statm: its numbers lag behind by some pages for each core.
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self._group()]
        lines = [line for text in texts for line in text.splitlines() if line.startswith("Rss:")]
        return sum(int(line.split()[1]) * 1024 for line in lines)

    def _group(self) -> dict[int, list[str]]:
        """The processes of its group, by their ids: what stands behind the name in the stat file of each."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                fields = path.read_text().rpartition(")")[2].split()
                # Not those that are dead, and that nobody has asked about yet.
                if int(fields[2]) == self.pid and fields[0] != "Z":
                    found[int(path.parent.name)] = fields
        return found


@contextmanager
def started(command: Sequence[str], cores: Collection[int], folder: Path = _ROOT) -> Iterator[Process]:
    """Run a process while the context lasts. The end of its input tells it to end; if it stays, it is killed.

    It has a process group of its own: Ctrl-C reaches the runner alone, which then ends it in order, and its children
    are killed with it.

    :param command: the program and its arguments.
    :param cores: where it may run.
    :param folder: its working directory.
    :raises BenchError: it does not end, although told to.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=folder, process_group=0
        ) as popen,
    ):
        try:
            os.sched_setaffinity(popen.pid, cores)
            process = Process(command, popen)
            yield process
            process.finish()
        except BenchError as error:
            errors.seek(0)
            if written := errors.read().decode(errors="replace").rstrip():
                error.add_note(f"{shlex.join(command)} wrote:\n{written}")
            raise
        finally:
            with suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGKILL)
