"""The pages as Sphinx builds them, once; the examples, in a folder of their own."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.conftest import launch

__all__ = ["DOCS", "ROOT", "Site", "blocks", "launch"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


class Site:
    """The built pages.

    :ivar names: what the pages document, by kind: ``py:class``, ``std:cmdoption`` and so on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        *_, packed = (folder / "objects.inv").read_bytes().split(b"\n", 4)
        lines = zlib.decompress(packed).decode().splitlines()
        found = [match for line in lines if (match := re.match(r"(.+?) (\S+:\S+) -?\d+ \S+ ", line))]
        self.names = {(match[2], match[1]) for match in found}

    def section(self, page: str, identifier: str) -> str:
        """The HTML of a section, without what follows it."""
        _, _, text = (self.folder / f"{page}.html").read_text().partition(f'<section id="{identifier}">')
        assert text, f"{page}.html has no section {identifier}"
        return re.split(r"<section |</section>", text)[0]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The pages; a warning of Sphinx's is an error, as everywhere."""
    pytest.importorskip("sphinx", reason="the pages are built where the docs extra is installed")
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / "site"
    # The workers that run tests in parallel share what the first of them builds.
    with (root / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "objects.inv").exists():
            build(folder)
    return Site(folder)


def build(folder: Path) -> None:
    """Build the pages."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / ".doctrees")]
    built = subprocess.run([*command, str(DOCS), str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of ``docs/examples``."""
    return Path(shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True))


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    text = path.read_text()
    if path.suffix == ".md":
        return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    return [dedent(block).strip("\n") + "\n" for block in found]
