"""Files that survive."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from netforge.shared.durable import write_durably

#: How many processes are killed: a few, or ``MOMENTS=200`` for a long run.
MOMENTS = int(os.environ.get("MOMENTS", "5"))

#: Writes one file after another, each with a number repeated, and acknowledges each.
BUSY = """
import os, sys
from pathlib import Path
from netforge.shared.durable import write_durably
for number in range(1_000_000):
    write_durably(Path(sys.argv[1]), b"%d\\n" % number * 20_000)
    os.write(1, b"%d\\n" % number)
"""


def test_a_file_gets_its_content_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "key.pem"
    write_durably(path, b"first")
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    write_durably(path, b"second", 0o644)
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o644


def test_after_a_failure_the_old_file_is_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key.pem"
    write_durably(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, b"new")
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == b"old"


@pytest.mark.real
def test_the_disk_has_the_content_before_the_name_and_the_name_before_it_returns(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = (
        "from pathlib import Path; from netforge.shared.durable import write_durably\n"
        f"write_durably(Path({str(tmp_path)!r}) / 'key.pem', b'content')\n"
        "import os; os.write(1, b'acknowledged')"
    )
    watched = "trace=write,fsync,fdatasync,rename,renameat,renameat2"
    subprocess.run(
        ["strace", "-f", "-y", "-o", trace, "-e", watched, sys.executable, "-c", code], check=True, capture_output=True
    )
    calls = re.findall(r"(write|fsync|rename)\w*\((.*)\) += [0-9]", trace.read_text())
    temporary = re.escape(f"{tmp_path}/.key.pem.")
    expected = [
        ("write", rf'.*<{temporary}\w+>, "content", 7'),
        ("fsync", rf".*<{temporary}\w+>"),
        ("rename", rf'"{temporary}\w+", "{re.escape(str(tmp_path))}/key.pem"'),
        ("fsync", rf".*<{re.escape(str(tmp_path))}>"),
        ("write", r'.*"acknowledged", 12'),
    ]
    assert len(calls) == len(expected), calls
    for (name, arguments), (wanted, pattern) in zip(calls, expected, strict=True):
        assert name == wanted
        assert re.fullmatch(pattern, arguments), arguments


@pytest.mark.real
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_what_was_acknowledged_before_a_kill_is_there_and_whole(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "key.pem"
    with subprocess.Popen([sys.executable, "-c", BUSY, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline()]
        # Chance is what is wanted here, and time is what it decides on.
        sleep(random.uniform(0, 0.2))
        process.kill()
        acknowledged += process.stdout.readlines()
    last = int([line for line in acknowledged if line.endswith("\n")][-1])
    lines = path.read_text().splitlines()
    assert len(lines) == 20_000
    assert len(set(lines)) == 1
    assert int(lines[0]) in (last, last + 1)
