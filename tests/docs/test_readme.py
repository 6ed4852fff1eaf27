"""The README: what it shows is what there is."""

from __future__ import annotations

import re

import pytest

from netforge.host.settings import draw, read_text
from tests.docs.conftest import DOCS, ROOT, blocks

README = ROOT / "README.md"


def test_its_plugin_and_its_test_are_the_examples_that_are_run() -> None:
    assert blocks(README, "python") == [
        (DOCS / "examples/plugins/hello.py").read_text(),
        (DOCS / "examples/test_hello.py").read_text(),
    ]


def test_its_settings_file_is_right_and_is_the_one_of_its_picture() -> None:
    text, *_ = blocks(README, "toml")
    blueprint = draw(read_text(text, ROOT))
    [picture] = blocks(README, "text")
    services = re.findall(r"^      [├└]── (\S+)", picture, re.MULTILINE)
    assert services == [plan.name for plan in blueprint.plans if not plan.plugin.offers]
    for plan in blueprint.plans:
        for listener in plan.listeners:
            assert str(listener.listen).replace(f"{ROOT}/", "") in picture


def test_its_settings_for_the_net_are_right() -> None:
    *_, text = blocks(README, "toml")
    [echo] = [plan for plan in draw(read_text(text, ROOT)).plans if plan.name == "echo"]
    assert [layer.layer.name for layer in echo.listeners[0].layers] == ["tls", "sight", "limits"]


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text()):
        assert (ROOT / target).is_file(), target


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)", README.read_text()))))
def test_its_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
