"""All cases, as quick as can be: that they work, not how fast anything is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from bench.case import WEB_LIMIT, WEB_PEERS
from bench.cases import find_cases

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


# The cases of the web need programs that are not everywhere, and wrk takes whole seconds: see test_web.
NAMES = [name for name, case in find_cases().items() if not {*case.peers} & {*WEB_PEERS, WEB_LIMIT}]


@pytest.mark.parametrize("name", NAMES)
def test_a_case(name: str, tmp_path: Path) -> None:
    case = find_cases()[name]
    peer = case.peers[-1]
    done = run("--quick", "--peer", peer, "--json", tmp_path / "results.json", "--chart", tmp_path, name)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "results.json").read_text())
    assert row.keys() == {"case", "variant", "unit", "ours", "peers", "ratio", "cpu_us", "rounds"}
    assert (row["case"], row["variant"], row["unit"]) == (name, case.variants[0].name, case.unit)
    assert row["rounds"] == 1
    assert row["peers"].keys() == row["ratio"].keys() == {peer}
    quotient = row["peers"][peer] / row["ours"] if case.less_is_better else row["ours"] / row["peers"][peer]
    assert math.isclose(row["ratio"][peer], quotient, rel_tol=0.01)
    assert row["ours"] > 0
    assert row["cpu_us"] is None if name == "idle-memory" else row["cpu_us"] > 0
    assert name in done.stdout
    assert {path.name for path in tmp_path.glob("*.svg")} == {"bench-light.svg", "bench-dark.svg"}


def test_cases_are_declared_well() -> None:
    for name, case in find_cases().items():
        assert name == case.name
        assert case.less_is_better is not case.unit.endswith("/s")
        assert len({variant.name for variant in case.variants}) == len(case.variants) > 0


def test_an_unknown_case_is_an_error() -> None:
    done = run("--quick", "tcp-ecko")
    assert done.returncode == 2
    assert "tcp-echo" in done.stderr
