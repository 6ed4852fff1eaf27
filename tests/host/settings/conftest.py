"""Settings that are read and drawn as a file of them would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from netforge.host.settings import Blueprint, SettingsError, draw, read_document

if TYPE_CHECKING:
    from netforge.host.discovery import Catalogue

Draw: TypeAlias = "Callable[..., Blueprint]"
Wrong: TypeAlias = "Callable[..., list[str]]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which holds ``forge.toml``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    return tmp_path


@pytest.fixture
def drawn(folder: Path) -> Draw:
    """Writes ``forge.toml`` and draws it."""

    def drawn(text: str, catalogue: Catalogue | None = None, *, free_ports: bool = False) -> Blueprint:
        (folder / "forge.toml").write_text(text, encoding="utf-8")
        return draw(read_document(folder / "forge.toml"), catalogue, free_ports=free_ports)

    return drawn


@pytest.fixture
def wrong(drawn: Draw) -> Wrong:
    """Draws what cannot be used, and gives the problems as they are printed."""

    def wrong(text: str, catalogue: Catalogue | None = None) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            drawn(text, catalogue)
        return [str(problem) for problem in caught.value.problems]

    return wrong
