"""The bus as a component: which one the settings ask for, and two processes that share one."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from netforge.host.settings import SettingsError, draw, read_text
from netforge.plugin import Context, IBus, IHealth, Offer
from netforge.reactor.anyloop import loop_of
from netforge.shared.bus import BusSettings, InProcessBus, bus
from netforge.shared.metrics import metrics
from tests.cli.conftest import Launch, Server, launch
from tests.conftest import Installed
from tests.services.chat.test_real import Talker
from tests.shared.bus.conftest import Redis

__all__ = ["launch"]


def parts(settings: BusSettings, loop: Any = None) -> Any:
    surroundings = SimpleNamespace(clock=Clock(), loop=loop)
    return list(cast(Any, bus(settings, cast(Context, surroundings))))


def test_without_settings_it_is_within_the_process() -> None:
    assert (bus.offers, bus.needs) == ((IBus,), (IHealth,))
    [offer] = parts(BusSettings())
    assert isinstance(offer, Offer)
    assert offer.interface is IBus
    assert isinstance(offer.component, InProcessBus)
    assert verifyObject(IBus, offer.component)


def test_a_reactor_without_a_loop_is_refused() -> None:
    clock = Clock()
    with pytest.raises(RuntimeError, match="start with --reactor=forge or --reactor=asyncio"):
        parts(BusSettings(url="redis://127.0.0.1"), loop_of(clock))


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netforge.shared.bus.redisbus", None)
    with pytest.raises(RuntimeError, match=r"redis://127.0.0.1 needs redis: pip install 'netforge\[redis\]'"):
        parts(BusSettings(url="redis://127.0.0.1"), object())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1", "expected redis://, rediss:// or unix://"),
        ("http://127.0.0.1", "expected redis://, rediss:// or unix://"),
        ("redis://:hidden@127.0.0.1", "found a password: put it into a file of its own"),
        ("redis://127.0.0.1?password=hidden", "found a password: put it into a file of its own"),
    ],
)
def test_urls_are_checked_and_no_password_is_shown(
    installed: type[Installed], tmp_path: Path, url: str, message: str
) -> None:
    document = read_text(f'[shared.bus]\nurl = "{url}"\n', tmp_path)
    with pytest.raises(SettingsError) as error:
        draw(document, installed(shared=[bus, metrics]))
    assert message in str(error.value)
    assert "hidden" not in str(error.value)


@pytest.mark.real
def test_a_chat_spans_two_processes(redis: Redis, launch: Launch, tmp_path: Path) -> None:
    redis.restart("--requirepass", "secret")
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "forge.toml").write_text(
        f'[shared.bus]\nurl = "{redis.url}"\npassword_file = "password"\n[services.chat]\nlines = ["tcp:127.0.0.1:0"]\n'
    )

    def server(number: int) -> Server:
        made = launch("netforge", "run", "forge.toml", "--ready-file", f"ready{number}.json")
        made.ready_file = tmp_path / f"ready{number}.json"
        made.wait_ready()
        return made

    servers = [server(0), server(1)]
    with ExitStack() as stack:
        ada, bob = (
            Talker(stack.enter_context(one.connect("chat")), nick)
            for one, nick in zip(servers, ["ada", "bob"], strict=True)
        )
        ada.read_to("* bob joined lobby")
        ada.type("hello")
        bob.read_to("[lobby] <ada> hello")
        bob.type("hi!")
        assert ada.read_to("[lobby] <bob> hi!") == ["[lobby] <ada> hello", "[lobby] <bob> hi!"]
        redis.kill()
        for one in servers:
            one.wait_for("the bus has lost")
        redis.start()
        for one in servers:
            one.wait_for("again")
        ada.type("still there?")
        bob.read_to("[lobby] <ada> still there?")
    for one in servers:
        one.process.terminate()
        assert one.finish() == 0
