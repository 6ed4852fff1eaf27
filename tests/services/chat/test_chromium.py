"""The chat's page in Chromium, at a desk and on a phone, with somebody at a terminal; over a restart of the server."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Launch, Server
from tests.services.chat.test_real import talkers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
FLAGS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync
"""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

SETTINGS = """
[services.chat]
lines = ["tcp:127.0.0.1:0"]
[services.web]
listen = ["tcp:{address}"]
sites.main.at."/chat".service = "chat"
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


def serve(launch: Launch, folder: Path, address: str = "127.0.0.1:0") -> Server:
    (folder / "forge.toml").write_text(SETTINGS.format(address=address))
    server = launch("netforge", "run", "forge.toml", "--ready-file", "ready.json")
    server.wait_ready()
    return server


def opened(chromium: Browser, address: str, errors: list[str], *, width: int, dark: bool = False) -> Page:
    """A page whose errors are collected, save that nobody answers."""
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    page.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://{address}/chat")
    return page


def enter(page: Page, nick: str) -> None:
    page.get_by_label("Your name").fill(nick)
    page.get_by_role("button", name="Join").click()


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_a_desk_a_phone_and_a_terminal(chromium: Browser, launch: Launch, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    server = serve(launch, tmp_path)
    address = server.address("web")
    errors: list[str] = []
    ada = opened(chromium, address, errors, width=1280)
    bob = opened(chromium, address, errors, width=390, dark=True)
    with talkers(server, "cyd") as [cyd]:
        enter(ada, "ada")
        cyd.read_to("* ada joined lobby")
        enter(bob, "ADA")
        expect(bob.get_by_role("alert").first).to_have_text("Somebody else is called ADA.")
        enter(bob, "bob")
        cyd.read_to("* bob joined lobby")

        say(ada, "Hello <b>bob</b>")
        expect(bob.get_by_role("log")).to_contain_text("Hello <b>bob</b>")
        assert cyd.read() == "[lobby] <ada> Hello <b>bob</b>"
        cyd.type(f"see http://{address}/x, {'w' * 200}", "/topic tea", "/me waves", "/msg bob psst")
        for page in (ada, bob):
            expect(page.get_by_role("log")).to_contain_text("cyd waves")
            expect(page.get_by_role("link")).to_have_attribute("href", f"http://{address}/x")
            expect(page.get_by_title("Change the topic")).to_have_text("tea")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(ada.get_by_label("3 here").get_by_role("button")).to_have_text(
            [re.compile(one) for one in ("ada", "bob", "cyd")]
        )

        expect(bob).to_have_title(re.compile(r"^\(1\) lobby"))
        bob.get_by_role("button", name="Show conversations, 1 unread").click()
        bob.get_by_label("Private").get_by_role("button", name="cyd").click()
        expect(bob.get_by_role("log")).to_have_text(re.compile(r"psst"))
        say(bob, "what is it?")
        cyd.read_to("[bob to cyd] what is it?")
        bob.keyboard.press("Alt+ArrowUp")
        expect(bob.get_by_role("heading", name="lobby")).to_be_visible()
        say(bob, "x" * 513)
        expect(bob.get_by_role("log")).to_contain_text("A message has at most 512 bytes")
        expect(bob.get_by_label("Message", exact=True)).to_have_value("x" * 513)

    assert errors == []
    server.process.send_signal(signal.SIGTERM)
    assert server.finish() == 0
    for page in (ada, bob):
        expect(page.locator("#state")).to_contain_text("The connection is lost.")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
    serve(launch, tmp_path, address)
    for page in (ada, bob):
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.get_by_role("log")).to_contain_text("You are connected again.")
    say(bob, "still here?")
    expect(ada.get_by_role("log")).to_contain_text("still here?")
    ada.reload()
    expect(ada.get_by_role("log")).to_contain_text("still here?")
    assert [error for error in errors if "ERR_CONNECTION_REFUSED" not in error] == []
