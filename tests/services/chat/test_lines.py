"""Lines: what people type is a request or refused with a reason, and no terminal is ever sent a command."""

from __future__ import annotations

import unicodedata
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.services.chat.answers import Answer, Closing, Refused, RoomList, RoomView, Welcome
from netforge.services.chat.commands import COMMANDS, Help, parse
from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import Event, Said
from netforge.services.chat.lines import FRAMING, HELP, TelnetText, render, render_event
from netforge.services.chat.requests import Act, Join, Nick, Part, Quit, Request, Rooms, Say, Tell, Topic, Who

# Any character at all, with those that could do harm more often than they come by chance.
HARMFUL = "\x00\x07\x08\x0a\x0d\x1b\x7f\x80\x85\x9b\x9d\u2028\u2029\u202e\u2066\ud800"
TEXT = st.text(st.one_of(st.sampled_from(HARMFUL), st.characters()))
EVENTS: st.SearchStrategy[Any] = st.one_of(
    [
        st.builds(
            kind,
            **{one.name: TEXT for one in fields(kind) if one.type == "str"},
            **{one.name: st.lists(TEXT).map(tuple) for one in fields(kind) if one.type == "tuple[str, ...]"},
            **{one.name: st.just(0.0) for one in fields(kind) if one.type == "float"},
        )
        for kind in get_args(Event)
    ]
)
SAID = st.builds(Said, TEXT, TEXT, TEXT, st.just(0.0))
ANSWERS: st.SearchStrategy[Any] = st.one_of(
    st.builds(Welcome, TEXT),
    st.builds(Refused, TEXT),
    st.builds(Closing, TEXT),
    st.builds(RoomView, TEXT, TEXT, st.lists(TEXT).map(tuple), st.lists(SAID).map(tuple)),
    st.builds(RoomList, st.dictionaries(TEXT, st.integers(0)), st.integers(0)),
)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


def test_the_strategies_fill_every_field() -> None:
    assert {one.type for kind in get_args(Event) for one in fields(kind) if one.name != "type"} == {
        *("str", "float", "tuple[str, ...]"),
    }


def harmless(line: str) -> bool:
    """Whether a terminal only shows it."""
    encoded = FRAMING.encode(TelnetText().encode(line))
    body = encoded.removesuffix(b"\r\n")
    return (
        b"\n" not in body
        and not any(byte < 0x20 or byte == 0x7F for byte in body)
        and not any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in line)
        and not any(unicodedata.bidirectional(one) in BIDI for one in line)
    )


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(EVENTS)
def test_no_event_commands_a_terminal(event: Event) -> None:
    assert harmless(render_event(event))


@given(ANSWERS)
def test_no_answer_commands_a_terminal(answer: Answer) -> None:
    assert all(harmless(line) for line in render(answer))


def test_the_help_fits_a_terminal() -> None:
    assert all(harmless(line) for line in HELP)


@pytest.mark.parametrize("text", ["hello", "Grüße", "שלום", "🏳️‍🌈 👩‍🚀", "a  b", "<b>", "\\033[0m"])
def test_what_is_harmless_is_shown_as_it_is(text: str) -> None:
    assert render_event(Said("lobby", "ada", text, 0)) == f"[lobby] <ada> {text}"


@given(TEXT)
def test_every_line_is_a_request_or_refused_with_a_reason(line: str) -> None:
    for current in ("", "lobby"):
        for one in (line, f"/{line}", *(f"/{name} {line}" for name in COMMANDS)):
            try:
                request = parse(one, current)
            except ChatError as refusal:
                assert str(refusal)
            else:
                assert isinstance(request, Request | Help) or not one.strip()


@given(TEXT)
def test_a_message_is_said_as_it_was_typed(line: str) -> None:
    line = line.strip()
    request = parse(f"/{line}" if line.startswith("/") else line, "lobby")
    assert request == (Say(room="lobby", text=line) if line else None)


@given(WORDS, WORDS)
def test_arguments_come_through(first: str, second: str) -> None:
    text = f"{first}  {second}"
    room = first.removeprefix("#")
    assert parse(f"/join {first}") == Join(room=room)
    assert parse(f"/part {first}", "lobby") == Part(room=room or "lobby")
    assert parse(f"/who {first}", "lobby") == Who(room=room or "lobby")
    assert parse(f"/nick {first}") == Nick(nick=first)
    assert parse(f"/msg {first} {second}") == Tell(to=first, text=second)
    assert parse(f"/me {text}", "lobby") == Act(room="lobby", text=text)
    assert parse(f"/topic {text}", "lobby") == Topic(room="lobby", topic=text)
    assert parse(f"/quit {text}") == Quit(text=text)


def test_what_may_be_left_out_is_the_current_room() -> None:
    assert parse("/part", "lobby") == Part(room="lobby")
    assert parse("/who", "lobby") == parse("/topic", "lobby") == Who(room="lobby")
    assert parse("/rooms") == Rooms()
    assert parse("/quit") == Quit()
    assert isinstance(parse("/help"), Help)
    assert parse("  \t ") is parse("") is None


def test_the_case_of_a_command_does_not_count() -> None:
    assert parse("/JOIN Lobby") == Join(room="Lobby")


@pytest.mark.parametrize("line", ["/part", "/who", "/topic", "/topic tea", "/me waves", "hello", "//hello"])
def test_without_a_room_what_needs_one_is_refused(line: str) -> None:
    with pytest.raises(ChatError, match=r"You are in no room\. Type /join"):
        parse(line)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/join", "Type /join ROOM"),
        ("/nick", "Type /nick NAME"),
        ("/msg", "Type /msg NAME TEXT"),
        ("/msg ada", "Type /msg NAME TEXT"),
        ("/me", "Type /me TEXT"),
        ("/jion lobby", "There is no command /jion. Type /help to see which there are."),
        ("/" + "x" * 30, f"There is no command /{'x' * 20}. Type"),
        ("/", "There is no command /. Type /help to see which there are."),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(line: str, sentence: str) -> None:
    with pytest.raises(ChatError) as caught:
        parse(line, "lobby")
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"hello", "hello"),
        (b"\xff\xfb\x01hello", "hello"),
        (b"he\xff\xf1llo", "hello"),
        (b"\xff\xfa\x18\x00xterm\xff\xf0hello\xff\xfd\x06", "hello"),
        (b"hello\xff", "hello"),
        (b"hello\xff\xfb", "hello"),
        (b"hello\xff\xfa\x18\x00xte", "hello"),
        (b"\xff\xfb\x1f\xff\xfd\x03", ""),
        (b"\xff\xff", ""),
        ("Grüße".encode(), "Grüße"),
        (b"gr\xfc", "gr�"),
    ],
)
def test_what_telnet_puts_between_is_taken_out(payload: bytes, text: str) -> None:
    assert TelnetText().decode(payload) == text


@given(st.binary())
def test_every_payload_has_a_text(payload: bytes) -> None:
    assert isinstance(TelnetText().decode(payload), str)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_as_it_went(text: str) -> None:
    assert TelnetText().decode(TelnetText().encode(text)) == text
