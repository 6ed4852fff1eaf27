"""What was acknowledged survives: processes that are killed, and the order of the calls that see to it."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from tests.shared.files.busy import number_of
from tests.shared.files.conftest import Shelf, make_store

pytestmark = pytest.mark.real

#: How many processes are killed: a few, or ``MOMENTS=200`` for a long run.
MOMENTS = int(os.environ.get("MOMENTS", "10"))

BUSY = (sys.executable, "-m", "tests.shared.files.busy")
ROOT = Path(__file__).parents[3]


@contextmanager
def busy(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([*BUSY, str(folder), "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_what_was_acknowledged_before_a_kill_is_there_and_whole(tmp_path: Path, folder: Path, moment: int) -> None:
    with busy(folder) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        # Chance is what is wanted here, and time is what it decides on.
        sleep(random.uniform(0, 0.3))
        process.kill()
        lines += process.stdout.read().splitlines()
    # The last line may have been cut off.
    acknowledged = {name: int(number) for name, number in re.findall(r"^(\S+) (\d+)$", "\n".join(lines), re.MULTILINE)}
    assert acknowledged
    shelf = Shelf(make_store("folder", tmp_path))
    assert shelf.used == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    for name, number in acknowledged.items():
        assert number_of(shelf.get(name)) >= number
    # What was not acknowledged is whole, too, and nothing else is there.
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for name in found:
        number_of(shelf.get(name))
        assert re.fullmatch(r"sub/file-\d|only-\d-\d+", name)


def test_the_disk_has_it_before_it_is_acknowledged(tmp_path: Path, folder: Path) -> None:
    assert shutil.which("strace"), "strace is not installed"
    calls = "mkdir,mkdirat,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlinkat,write,pwrite64"
    log = tmp_path / "calls"
    subprocess.run(
        ["strace", "-f", "-y", "-s", "8", "-o", log, "-e", f"trace={calls}", *BUSY, folder, "5"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    steps = [step for line in log.read_text().splitlines() if (step := _step(line, folder))]
    # The first write of the reactor to its waker, and the like, are no steps.
    replaced = ["write part", "fsync part", "rename part sub/file-0", "fsync sub", "acknowledge"]
    exclusive = ["write part", "fsync part", "link part only-0-4", "unlink part", "fsync ", "acknowledge"]
    made = ["mkdir", "fsync parent", "mkdir sub", "fsync "]
    assert _without_repeats(steps) == made + 4 * replaced + exclusive


def _step(line: str, folder: Path) -> str:
    """A call that matters, in few words; those that were interrupted by another thread, where they began."""
    base, part = re.escape(str(folder)), r"\.netforge-part-\w*"
    patterns = {
        rf"mkdir\(\"{base}\"": "mkdir",
        rf"fsync\(\d+<{re.escape(str(folder.parent))}>": "fsync parent",
        rf"mkdirat\(\d+<{base}>, \"(\w+)\"": "mkdir {}",
        rf"pwrite64\(\d+<{base}[^>]*/\.netforge-part-": "write part",
        rf"fsync\(\d+<{base}[^>]*/\.netforge-part-": "fsync part",
        rf"rename\w*\(\d+<{base}/(sub)>, \"{part}\"(?:\.\.\.)?, \d+<[^>]*>, \"(\S+?)\"": "rename part {}/{}",
        rf"linkat\(\d+<{base}>, \"{part}\"(?:\.\.\.)?, \d+<[^>]*>, \"(\S+?)\"": "link part {}",
        rf"unlinkat\(\d+<{base}>, \"\.netforge-part-": "unlink part",
        rf"fsync\(\d+<{base}/?(\w*)>": "fsync {}",
        r"write\(1<[^>]*>, \"(?:sub/|only)": "acknowledge",
    }
    for pattern, words in patterns.items():
        if found := re.search(rf"^\d+ +{pattern}", line):
            return words.format(*found.groups())
    return ""


def _without_repeats(steps: list[str]) -> list[str]:
    return [step for number, step in enumerate(steps) if step != steps[number - 1] or not number]
