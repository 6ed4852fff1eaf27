"""Events as lines: for programs, for people, and never with a secret in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.logger import ILogObserver, LogEvent, Logger, formatEvent, globalLogPublisher
from twisted.python import log as legacy
from twisted.python.failure import Failure

from netforge.shared.logs.fields import address_text
from netforge.shared.logs.formats import as_colour, as_json, as_text

FORMATS = [as_json, as_text, as_colour]
TIME = 1_767_225_600.125


def caught(tell: Callable[[Logger], object], namespace: str = "netforge.echo") -> LogEvent:
    """The one event that something makes, at a time of its own."""
    events: list[LogEvent] = []
    observer = cast(ILogObserver, events.append)
    globalLogPublisher.addObserver(observer)
    try:
        tell(Logger(namespace=namespace))
    finally:
        globalLogPublisher.removeObserver(observer)
    [event] = events
    return {**event, "log_time": TIME}


def parsed(event: LogEvent) -> dict[str, Any]:
    line = as_json(event)
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def failing(log: Logger) -> None:
    log.failure("it went wrong", Failure(OSError("the disk\nis full")))


def test_json_has_what_every_event_has_and_then_its_own_fields() -> None:
    event = caught(lambda log: log.warn("{n} things", n=3, event="thing", nothing=None, ratio=0.5, sure=True))
    assert list(parsed(event).items()) == [
        ("time", "2026-01-01T00:00:00.125Z"),
        ("level", "warn"),
        ("service", "echo"),
        ("message", "3 things"),
        ("n", 3),
        ("event", "thing"),
        ("nothing", None),
        ("ratio", 0.5),
        ("sure", True),
    ]


def test_json_spells_what_it_has_no_word_for() -> None:
    values: dict[str, Any] = {
        "peer": IPv4Address("TCP", "192.0.2.1", 5),
        "path": Path("/x"),
        "names": ("a", "b"),
        "table": {"inner": Path("/y"), 5: {"six"}},
        "endless": float("inf"),
    }
    found = parsed(caught(lambda log: log.info("x", **values)))
    assert {name: found[name] for name in values} == {
        "peer": "192.0.2.1:5",
        "path": "/x",
        "names": ["a", "b"],
        "table": {"inner": "/y", "5": ["six"]},
        "endless": "inf",
    }


def test_fields_cannot_pass_for_what_every_event_has() -> None:
    found = parsed(caught(lambda log: log.info("x", time="never", service="other", message="forged")))
    assert (found["time"], found["level"], found["service"]) == ("2026-01-01T00:00:00.125Z", "info", "echo")
    assert found["message"] == "x"


def test_text_is_one_line() -> None:
    event = caught(lambda log: log.error("{n} things", n=3))
    assert as_text(event) == "2026-01-01T00:00:00.125Z error    echo: 3 things\n"


def test_colour_is_the_same_with_colours() -> None:
    event = caught(lambda log: log.error("{n} things", n=3))
    assert (
        as_colour(event)
        == "\x1b[2m2026-01-01T00:00:00.125Z\x1b[0m \x1b[31merror   \x1b[0m \x1b[1mecho\x1b[0m: 3 things\n"
    )


def test_a_failure_has_its_traceback() -> None:
    event = caught(failing)
    found = parsed(event)
    assert (found["level"], found["message"]) == ("critical", "it went wrong")
    assert found["traceback"].startswith("Traceback (most recent call last):")
    assert "OSError: the disk\nis full" in found["traceback"]
    first, *others = as_text(event).splitlines()
    assert first.endswith("critical echo: it went wrong")
    assert others[0] == "    Traceback (most recent call last):"
    assert "    is full" in others
    assert all(line.startswith("    ") for line in others)


def test_events_of_the_older_log_come_through() -> None:
    event = caught(lambda log: legacy.msg("from", "long ago", system="attic"))
    found = parsed(event)
    assert (found["level"], found["service"], found["message"]) == ("info", "twisted", "from long ago")
    assert found.keys() == {"time", "level", "service", "message"}
    assert as_text(event) == "2026-01-01T00:00:00.125Z info     twisted: from long ago\n"


@pytest.mark.parametrize(
    ("namespace", "service"),
    [("netforge.my.chat", "my.chat"), ("twisted.web.http", "twisted.web.http"), ("other", "other")],
)
def test_who_says_it_is_named(namespace: str, service: str) -> None:
    assert parsed(caught(lambda log: log.info("x"), namespace))["service"] == service


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "name", ["password", "PassWord", "new_password", "api_token", "secret", "private_key", "key", "Set-Cookie"]
)
def test_a_secret_is_masked_in_fields_and_in_the_message(form: Callable[[LogEvent], str], name: str) -> None:
    fields: dict[str, Any] = {name: "hunter2"}
    event = caught(lambda log: log.info(f"with {{{name}}} as {{{name}!r}}", **fields))
    assert "hunter2" not in form(event)
    assert "***" in form(event)


@pytest.mark.parametrize("form", FORMATS)
def test_a_secret_in_a_table_is_masked(form: Callable[[LogEvent], str]) -> None:
    event = caught(lambda log: log.info("with {table}", table={"user": "ada", "more": {"password": b"hunter2"}}))
    assert "hunter2" not in form(event)
    assert "ada" in form(event)


@pytest.mark.parametrize("name", ["keyboard", "author", "tokens", "passing", "user"])
def test_what_only_sounds_like_a_secret_is_shown(name: str) -> None:
    assert parsed(caught(lambda log: log.info("x", **{name: "shown"})))[name] == "shown"


def test_no_password_is_no_secret() -> None:
    assert parsed(caught(lambda log: log.info("x", password=None)))["password"] is None


def test_a_peer_cannot_paint_on_a_terminal_or_forge_a_line() -> None:
    forged = "bob\x1b[2J\r\n2026-01-01T00:00:00.125Z info     echo: forged\u202e"
    line = as_text(caught(lambda log: log.info("hello {nick}", nick=forged)))
    first, second = line.splitlines()
    assert first.endswith("echo: hello bob\\x1b[2J\\r")
    assert second == "    2026-01-01T00:00:00.125Z info     echo: forged\\u202e"


@given(st.text())
def test_every_line_begins_with_its_time_or_is_indented(text: str) -> None:
    event = caught(lambda log: log.info("{text}", text=text))
    for line in as_text(event).split("\n")[:-1]:
        assert line.startswith(("2026-01-01T00:00:00.125Z info", "    "))
    assert parsed(event)["text"] == text


def test_an_event_that_says_nothing_is_no_line_for_people() -> None:
    assert as_text({"log_time": TIME}) == ""
    assert parsed({"log_time": TIME})["message"] == ""


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (IPv4Address("TCP", "192.0.2.1", 5), "192.0.2.1:5"),
        (IPv6Address("TCP", "2001:db8::1", 5), "[2001:db8::1]:5"),
        (UNIXAddress(None), "unix"),
        (UNIXAddress("/run/x"), "unix"),
        ("elsewhere", "elsewhere"),
    ],
)
def test_addresses_are_spelled_as_everywhere(address: IAddress, text: str) -> None:
    assert address_text(address) == text


@pytest.mark.parametrize(
    "form",
    ["plain", "{a} {b:.2f} {c[x]!r} {d.real}", "{{a}}", "{made()}", "{absent}", "{a:.2f}", "{", "{}"],
)
def test_messages_are_those_of_twisted(form: str) -> None:
    event = {"log_format": form, "a": "one", "b": 2.0, "c": {"x": "y"}, "d": 3, "made": lambda: "made", "log_time": 0.0}
    assert json.loads(as_json(event))["message"] == formatEvent(event)
