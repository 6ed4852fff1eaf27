"""Settings of the chat and its place in the lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from netforge.host.serving import serving
from netforge.host.settings import draw, read_text
from netforge.plugin import Internet, Listen, Stream
from netforge.services.chat import ChatSettings, chat
from netforge.services.chat.rooms import Limits
from netforge.services.chat.service import LAB, TRY_JSON, TRY_LINES
from netforge.shared.bus import bus
from netforge.shared.certificates import certificates
from netforge.shared.layers.limits import limits, memory
from netforge.shared.layers.tls import tls
from netforge.shared.metrics import metrics
from netforge.shared.pages import pages

if TYPE_CHECKING:
    from tests.conftest import Installed


def test_by_default_people_connect_on_loopback() -> None:
    settings = ChatSettings()
    assert [str(listen) for listen in settings.lines] == ["tcp:127.0.0.1:7070"]
    assert settings.json_lines == []
    assert settings.unsent == 65536


def test_the_defaults_are_those_of_the_hub() -> None:
    assert ChatSettings().limits == Limits()


def test_every_limit_is_a_setting() -> None:
    settings = ChatSettings(rooms=1, members=2, history=3, message=4, topic=5)
    assert settings.limits == Limits(rooms=1, members=2, history=3, message=4, topic=5)


@pytest.mark.parametrize(
    "settings",
    [
        *({"rooms": 0}, {"rooms": 101}, {"members": 0}, {"members": 5001}, {"history": -1}, {"history": 1001}),
        *({"message": 0}, {"message": 4097}, {"topic": 0}, {"topic": 1025}, {"unsent": 16383}),
    ],
)
def test_settings_have_bounds(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        ChatSettings(**settings)


def test_the_lab_has_both_wires_on_loopback(tmp_path: Path, installed: type[Installed]) -> None:
    shared: list[Any] = [bus, certificates, memory, metrics, pages]
    plans = draw(read_text(LAB, tmp_path, "lab"), installed(chat, shared=shared, layers=[limits, tls])).plans
    assert chat.lab == LAB
    [plan] = [plan for plan in plans if plan.name == "chat"]
    addresses = ["tcp:127.0.0.1:7070", "tcp:127.0.0.1:7470", "tcp:127.0.0.1:7071"]
    assert [str(one.listen) for one in plan.listeners] == addresses


def test_how_to_try_it_is_a_command_that_connects() -> None:
    listen = Listen("tcp:7070")
    tries = [
        serving("chat", "chat", Stream(listen, object(), try_it=one), Internet("tcp", "0.0.0.0", 7070)).try_it  # type: ignore[arg-type]  # no factory is needed
        for one in (TRY_LINES, TRY_JSON)
    ]
    assert tries == [
        r"printf '/join lobby\nhello\n' | nc -w1 127.0.0.1 7070",
        r"""printf '{"type": "join", "room": "lobby"}\n' | nc -w1 127.0.0.1 7070""",
    ]
