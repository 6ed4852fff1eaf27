"""A PostgreSQL server of the tests' own, on a UNIX socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psycopg

__all__ = ["PostgreSQL"]

#: Where Debian keeps what is not for everybody's path; the newest last.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
USER = "netforge"
PASSWORD = "correct horse"


class PostgreSQL:
    """A server. It runs when this is made, without regard for power failures, and no longer than this process.

    :ivar folder: where its socket is.
    :ivar password_file: the file that holds the password of its user.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql"))
        self.password_file = self.folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n", encoding="ascii")
        self._data = self.folder / "data"
        self._numbers = count()
        if os.geteuid() == 0:
            # It refuses to run as root.
            shutil.chown(self.folder, "postgres", "postgres")
        options = [f"--username={USER}", f"--pwfile={self.password_file}", "--auth=scram-sha-256"]
        # What reads to its end has that end when this process does, however that comes.
        stop = self._command("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self._data}")
        self._guard = subprocess.Popen(
            ["sh", "-c", 'cat; "$@"; rm -rf "$0"', self.folder, *stop],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._run("initdb", f"--pgdata={self._data}", "--no-sync", "--encoding=UTF8", "--locale=C", *options)
        self.start()

    def start(self, *, fsync: bool = False) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses= -c fsync={'on' if fsync else 'off'}"
        self._run("pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--log={self.folder / 'log'}", "-o", options)

    def crash(self) -> None:
        """Stop it as a crash would: what it has not written it will find in its log."""
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self._data}")

    def remove(self) -> None:
        """Stop it, and remove what it has left."""
        self._guard.communicate()

    def make_database(self) -> str:
        """Make an empty database. Its URL, without the password."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(
            host=str(self.folder), user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program} failed:\n{done.stdout}{done.stderr}"

    def _command(self, program: str, *arguments: str) -> list[str]:
        path = os.pathsep.join([*(str(folder) for folder in reversed(_FOLDERS)), os.environ.get("PATH", os.defpath)])
        found = shutil.which(program, path=path)
        assert found, f"there is no {program}: install PostgreSQL (Debian: apt-get install postgresql)"
        other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        return [*other, found, *arguments]
