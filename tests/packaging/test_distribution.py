"""The distributions as their users get them: built, installed, run and uninstalled in a throw-away environment."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

# One group, so that one worker has the one environment.
pytestmark = [pytest.mark.packaging, pytest.mark.real, pytest.mark.xdist_group("packaging")]

ROOT = Path(__file__).parents[2]

#: Seconds for anything that is waited for. Never reached unless something is wrong.
PATIENCE = 60.0


@dataclass(frozen=True)
class Environment:
    """A virtual environment with netforge's dependencies, and a folder to work in."""

    folder: Path
    work: Path

    def run(self, command: str, *arguments: str | Path, cwd: Path | None = None) -> str:
        """What one of its commands prints on both outputs. It must succeed."""
        done = subprocess.run(
            self.command(command, *arguments),
            cwd=cwd or self.work,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def command(self, command: str, *arguments: str | Path) -> list[str]:
        return [str(self.folder / "bin" / command), *map(str, arguments)]

    @property
    def variables(self) -> dict[str, str]:
        """As for a user: nothing points to the checkout that is tested, or to its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV"))}
        return kept | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "XDG_STATE_HOME": str(self.work)}

    def pip(self, *arguments: str | Path) -> None:
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.folder, "-qq", "--disable-pip-version-check", *arguments],
            cwd=self.work,
            timeout=4 * PATIENCE,
            check=True,
        )

    def install(self, *what: str | Path) -> None:
        """Install on top of the dependencies, without asking an index."""
        self.pip("install", "--no-deps", "--no-build-isolation", *what)

    def uninstall(self, *names: str) -> None:
        self.pip("uninstall", "-y", *names)

    def build(self, source: Path) -> Path:
        """A wheel, built from a source distribution, as an index would get both."""
        self.run("python", "-m", "build", "--no-isolation", source)
        [wheel] = (source / "dist").glob("*.whl")
        return wheel

    def twistd_plugins(self) -> set[str]:
        """The commands that twistd offers."""
        printed = self.run("twistd", "--help")
        assert "Traceback" not in printed
        return set(re.findall(r"^    (\S+)", printed.partition("Commands:")[2], re.MULTILINE))

    def files(self) -> set[str]:
        """Everything in it, apart from what Python compiled of the dependencies."""
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
        return {path for path in found if "__pycache__" not in path or "netforge" in path}

    @contextmanager
    def serving(self, settings: Path) -> Iterator[dict[str, Any]]:
        """``netforge run`` while the block runs: gives what serves, and at the end asks it to stop."""
        ready = settings.with_suffix(".json")
        command = self.command("netforge", "run", settings, "--ready-file", ready)
        with subprocess.Popen(command, cwd=self.work, env=self.variables) as process:
            try:
                deadline = time.monotonic() + PATIENCE
                while not ready.exists():
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                yield {one["name"]: one for one in json.loads(ready.read_text())["services"]}
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
            finally:
                process.kill()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working files, without anything that git ignores."""
    copy = tmp_path_factory.mktemp("sources")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    environment = Environment(folder / "venv", folder / "work")
    environment.work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment.folder], check=True)
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    environment.pip(
        "install", "setuptools>=77", "build", "pytest", *metadata["options"]["install_requires"].strip().splitlines()
    )
    return environment


@pytest.fixture(scope="module")
def wheel(environment: Environment, sources: Path) -> Path:
    return environment.build(sources)


@pytest.fixture
def installed(environment: Environment, wheel: Path) -> Iterator[Environment]:
    """An environment with netforge's wheel."""
    environment.install(wheel)
    yield environment
    environment.uninstall("netforge")


def test_wheel_content(wheel: Path, sources: Path) -> None:
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.startswith("netforge-")}
    assert names == {
        str(path.relative_to(sources))
        for path in [*(sources / "netforge").rglob("*"), sources / "twisted" / "plugins" / "netforge_plugins.py"]
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert "netforge/py.typed" in names
    assert "netforge/cli/template/__module__.py.in" in names


def test_wheel(installed: Environment) -> None:
    assert {"netforge", "forge-echo"} <= installed.twistd_plugins()
    assert re.search(r"^echo\s+service\s.*\snetforge \d", installed.run("netforge", "plugins"), re.MULTILINE)


def test_uninstall_leaves_what_twistd_wrote(environment: Environment, wheel: Path) -> None:
    for cache in environment.folder.rglob("dropin.cache"):
        cache.unlink()
    before = environment.files()
    environment.install(wheel)
    assert "netforge" in environment.twistd_plugins()
    environment.run("netforge", "plugins")
    environment.uninstall("netforge")

    left = environment.files() - before
    assert [Path(path).name for path in left] == ["dropin.cache"]
    assert not {name for name in environment.twistd_plugins() if "forge" in name}
    assert environment.files() - before == left


def test_editable(environment: Environment, sources: Path) -> None:
    before = environment.files()
    environment.install("-e", sources)
    assert {"netforge", "forge-echo"} <= environment.twistd_plugins()
    assert str(sources) in environment.run("python", "-c", "import netforge; print(netforge.__file__)")
    environment.uninstall("netforge")
    assert {Path(path).name for path in environment.files() - before} <= {"dropin.cache"}
    assert not {name for name in environment.twistd_plugins() if "forge" in name}


def test_third_party_plugin(installed: Environment, sources: Path, tmp_path: Path) -> None:
    installed.install(installed.build(sources / "plugins" / "netforge-qotd"))
    try:
        assert re.search(r"^qotd\s+service\s.*\snetforge-qotd 1", installed.run("netforge", "plugins"), re.MULTILINE)
        installed.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", sources / "plugins" / "netforge-qotd")

        (tmp_path / "quotes.txt").write_text("Be liberal.\n")
        settings = tmp_path / "forge.toml"
        settings.write_text('[services.qotd]\nlisten = "tcp:127.0.0.1:0"\nquotes = "quotes.txt"\n')
        with installed.serving(settings) as services, connected(services["qotd"]["address"]) as client:
            assert client.makefile("rb").read() == b"Be liberal.\r\n"
    finally:
        installed.uninstall("netforge-qotd")


def test_new_plugin(installed: Environment, tmp_path: Path) -> None:
    installed.run("netforge", "new", "greeter", cwd=tmp_path)
    plugin = tmp_path / "netforge-greeter"
    installed.install("-e", plugin)
    try:
        installed.run("python", "-m", "pytest", "-q", cwd=plugin)

        # The settings that its README shows, on a port that is free.
        [shown] = re.findall(r"```toml\n(.*?)```", (plugin / "README.md").read_text(), re.DOTALL)
        settings = tmp_path / "forge.toml"
        settings.write_text(shown.replace(":7100", ":0"))
        with installed.serving(settings) as services, connected(services["greeter"]["address"]) as client:
            client.sendall(b"world\n")
            client.shutdown(socket.SHUT_WR)
            assert client.makefile("rb").read() == b"Hello, world!\n"
    finally:
        installed.uninstall("netforge-greeter")


def connected(address: str) -> socket.socket:
    """A client's socket, connected to an address as the ready file gives it."""
    kind, host, port = address.split(":")
    assert kind == "tcp"
    return socket.create_connection((host, int(port)), PATIENCE)
