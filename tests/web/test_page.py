"""What ``docs/pages.rst`` shows does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from netforge.testing import Network

PAGE = Path(__file__).parents[2] / "docs" / "pages.rst"
BLOCK = re.compile(r"^\.\. code-block:: python\n(?:    :caption: .*\n)?\n((?:    .*\n|\n)+)", re.MULTILINE)


@pytest.mark.parametrize("name", ["test_items", "test_pictures", "test_ticks"])
def test_the_shop_of_the_page_works(network: Network, name: str) -> None:
    names: dict[str, Any] = {"__name__": "shop"}
    for block in BLOCK.findall(PAGE.read_text()):
        # As in a file of its own, without this one's future.
        exec(compile(dedent(block), PAGE, "exec", dont_inherit=True), names)
    names[name](network)
