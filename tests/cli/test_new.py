"""``netforge new``: the files that it writes. That they work when installed is tested with the packaging."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from netforge.cli.new import write_plugin


@pytest.fixture(params=["greeter", "two-words4"])
def plugin(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_plugin(request.param, tmp_path)


def test_files(tmp_path: Path) -> None:
    plugin = write_plugin("two-words4", tmp_path)
    assert plugin == tmp_path / "netforge-two-words4"
    assert {str(file.relative_to(plugin)) for file in plugin.rglob("*") if file.is_file()} == {
        ".gitignore",
        "README.md",
        "netforge_two_words4.py",
        "pyproject.toml",
        "setup.cfg",
        "tests/test_netforge_two_words4.py",
    }
    metadata = configparser.ConfigParser()
    metadata.read(plugin / "setup.cfg")
    assert metadata["metadata"]["name"] == "netforge-two-words4"
    assert metadata["options.entry_points"]["netforge.services"].strip() == "two-words4 = netforge_two_words4:build"
    assert "class TwoWords4Protocol" in (plugin / "netforge_two_words4.py").read_text()


def test_nothing_is_left_to_fill_in(plugin: Path) -> None:
    for file in plugin.rglob("*"):
        assert "__" not in file.name
        if file.is_file():
            text = file.read_text()
            assert "${" not in text
            assert "$$" not in text


def test_python_compiles(plugin: Path) -> None:
    for file in plugin.rglob("*.py"):
        assert compile(file.read_text(), file, "exec")


@pytest.mark.parametrize("check", [["check", "--extend-select=I,B,UP,SIM"], ["format", "--check"]])
def test_style(plugin: Path, check: list[str]) -> None:
    pytest.importorskip("ruff", reason="ruff comes with the dev extra")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *check, "--no-cache"], cwd=plugin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["", "Greeter", "4you", "a_b", "a--b", "a-", "../a", "a b", "a\n"])
def test_bad_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected small letters and digits"):
        write_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_name_of_an_installed_service(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'echo' is installed already by netforge"):
        write_plugin("echo", tmp_path)


def test_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "netforge-greeter").mkdir()
    with pytest.raises(FileExistsError, match="netforge-greeter is there already"):
        write_plugin("greeter", tmp_path)
    assert not list((tmp_path / "netforge-greeter").iterdir())


def test_its_tests_pass(plugin: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=plugin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout
