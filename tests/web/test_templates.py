"""Templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from netforge.web import Templates


def test_a_page_is_filled_in_and_escaped(tmp_path: Path) -> None:
    folder = tmp_path / "with:colon"
    folder.mkdir()
    (folder / "page.html").write_text("{{ greeting }} {{ name }}")
    page = Templates(folder, greeting="Hello").page("page.html", name="<b>", status=201)
    assert (page.status, page.body) == (201, b"Hello &lt;b&gt;")
    with pytest.raises(UndefinedError):
        Templates(folder).page("page.html")


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        Templates(tmp_path / "nowhere")
