"""The same seed gives the same run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.testing.network.scenarios import Scenario

#: How many scenarios; ``make soak`` has a thousand.
SCENARIOS = int(os.environ.get("SCENARIOS", "200"))


@pytest.mark.parametrize("first", range(0, SCENARIOS, 50))
def test_the_same_seed_gives_the_same_trace(first: int) -> None:
    for seed in range(first, first + 50):
        assert Scenario(seed).run() == Scenario(seed).run(), f"seed {seed}"


def test_other_seeds_give_other_traces() -> None:
    assert len({Scenario(seed).run() for seed in range(50)}) == 50


def test_the_scenarios_do_what_networks_do() -> None:
    everything = "".join(Scenario(seed).run() for seed in range(100))
    for word in ("FIN", "RST", "SYN, lost", "is cut", "is healed", "UDP", "nobody listens", "late", "over the MTU"):
        assert word in everything, word


def test_another_process_with_another_hash_seed_makes_no_difference() -> None:
    def run(hash_seed: str) -> str:
        command = [sys.executable, "-m", "tests.testing.network.scenarios", "5"]
        return subprocess.check_output(command, env=os.environ | {"PYTHONHASHSEED": hash_seed}, text=True)

    assert run("1") == run("2") == Scenario(5).run() + "\n"
