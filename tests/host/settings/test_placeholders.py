"""``${env:NAME}`` and ``${file:PATH}``, and that nobody sees what they stood for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import field_validator, model_validator

from netforge.host.settings import read_document, read_text
from netforge.plugin import Context, Field, Listen, Parts, Settings, service

if TYPE_CHECKING:
    from tests.conftest import Installed
    from tests.host.settings.conftest import Draw, Wrong

SECRET = "hunter2"


class Holding(Settings):
    """Holds a secret."""

    token: str = Field("", description="a secret")
    size: int = Field(1, description="a size")
    mode: Literal["fast", "slow"] = Field("fast", description="how")
    listen: list[Listen] = Field([], description="where")
    tokens: list[str] = Field([], description="several")

    @field_validator("token")
    @classmethod
    def _is_long(cls, token: str) -> str:
        if len(token) == len(SECRET):
            raise ValueError(f"{token} is too short")
        return token

    @model_validator(mode="after")
    def _fits(self) -> Holding:
        if self.tokens:
            raise ValueError(f"{self.tokens} do not fit")
        return self


@service("holding", Holding)
def holding(settings: Holding, context: Context) -> Parts:
    """Build nothing."""
    return []


@pytest.fixture(autouse=True)
def secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.delenv("MISSING", raising=False)
    (folder / "secret").write_text(f"{SECRET}\n")


def value(text: str) -> Any:
    """What a value becomes."""
    document = read_text(f"[services.a]\nx = {text}", Path())
    assert document.problems == []
    return document.tree["services"]["a"]["x"]


def problems(text: str) -> list[str]:
    return [str(problem) for problem in read_text(f"[services.a]\nx = {text}", Path(), "f").problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'${env:SECRET}'", SECRET),
        ("'${file:secret}'", SECRET),
        ("'<${env:SECRET}|${file:secret}>'", f"<{SECRET}|{SECRET}>"),
        ("['a', '${env:SECRET}', {b = '${env:SECRET}'}]", ["a", SECRET, {"b": SECRET}]),
        ("'$${env:SECRET}'", "${env:SECRET}"),
        ("'$${'", "${"),
        ("'$5 {a} $ {b} $$'", "$5 {a} $ {b} $$"),
        ("5", 5),
    ],
)
def test_placeholders_are_filled_in_wherever_texts_stand(text: str, expected: object) -> None:
    assert value(text) == expected


def test_what_was_filled_in_is_not_filled_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "${env:SECRET}")
    assert value("'${env:OUTER}'") == "${env:SECRET}"


@pytest.mark.parametrize(("content", "expected"), [(b"a\n", "a"), (b"a", "a"), (b"a\n\n", "a\n"), (b" a\r\n", " a")])
def test_only_the_line_feed_at_the_end_of_a_file_is_dropped(content: bytes, expected: str) -> None:
    Path("content").write_bytes(content)
    assert value("'${file:content}'") == expected


def test_a_file_is_read_as_utf_8_whatever_the_locale(folder: Path) -> None:
    (folder / "content").write_bytes("grüße".encode())
    program = """
from pathlib import Path
from netforge.host.settings import read_text
assert read_text("[services.a]\\nx = '${file:content}'", Path()).tree["services"]["a"]["x"] == "gr\\u00fc\\u00dfe"
"""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_counts_from_the_folder_of_the_file_that_names_it(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "secret").write_text("inner")
    (folder / "sub" / "more.toml").write_text("[services.b]\nx = '${file:secret}'")
    (folder / "forge.toml").write_text("include = 'sub/more.toml'\n[services.a]\nx = '${file:secret}'")
    document = read_document(folder / "forge.toml")
    assert document.tree["services"] == {"a": {"x": SECRET}, "b": {"x": "inner"}}


def test_a_file_may_be_named_by_its_whole_path_or_below_a_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert value("'${file:~/secret}'") == SECRET
    assert value(f"'${{file:{folder}/secret}}'") == SECRET


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'${env:MISSING}'", "the environment has no MISSING"),
        ("'${file:missing}'", "cannot read missing: No such file or directory"),
        ("'${file:.}'", "cannot read .: Is a directory"),
        ("'${file:binary}'", "cannot read binary: not UTF-8"),
        ("'${file:~nobody-here/x}'", "cannot read ~nobody-here/x: there is no home for ~nobody-here"),
        ('"${file:a\\u0000b}"', "cannot read a\0b: embedded null byte"),
        *[
            (f"'<{text}'", f"{shown}: expected ${{env:NAME}} or ${{file:PATH}}; write $${{ for a plain ${{")
            for text, shown in [
                ("${HOME}>", "${HOME}"),
                ("${ENV:HOME}>", "${ENV:HOME}"),
                ("${vault:token}>", "${vault:token}"),
                ("${env:}>", "${env:}"),
                ("${}>", "${}"),
                ("${env:HOME", "${env:HOME"),
            ]
        ],
    ],
)
def test_a_placeholder_that_cannot_be_filled_in_says_why(text: str, message: str) -> None:
    Path("binary").write_bytes(b"\xff\xfe")
    assert problems(text) == [f"f:2: services.a.x: {message}"]


def test_every_placeholder_that_fails_is_said() -> None:
    assert problems("['${env:MISSING}', '${env:SECRET}${env:MISSING}${file:missing}']") == [
        "f:2: services.a.x[0]: the environment has no MISSING",
        "f:2: services.a.x[1]: the environment has no MISSING",
        "f:2: services.a.x[1]: cannot read missing: No such file or directory",
    ]


@pytest.mark.parametrize(
    "setting",
    [
        "size = '${env:MISSING}'",
        "mode = '${env:MISSING}'",
        "listen = ['${env:MISSING}']",
        "listen = [{ address = 'tcp:${env:MISSING}' }]",
        "service = '${env:MISSING}'",
    ],
)
def test_a_placeholder_that_fails_is_said_once(wrong: Wrong, installed: type[Installed], setting: str) -> None:
    [problem] = wrong(f"[services.holding]\n{setting}\n", installed(holding))
    assert problem.endswith(": the environment has no MISSING")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("token = '${env:SECRET}'", "token: ${env:SECRET} is too short; found '${env:SECRET}'"),
        ("token = '${file:secret}'", "token: ${file:secret} is too short; found '${file:secret}'"),
        ("size = '${env:SECRET}'", "size: expected a valid integer; found '${env:SECRET}'"),
        ("mode = '${env:SECRET}'", "mode: expected 'fast' or 'slow'; found '${env:SECRET}'"),
        (
            "listen = ['tcp:${env:SECRET}']",
            "listen[0]: expected a port from 0 to 65535, found '${env:SECRET}'",
        ),
        (
            "listen = [{ address = 'tcp:x${env:SECRET}y:1' }]",
            "listen[0].address: expected the IP address of an interface, found 'x${env:SECRET}y'",
        ),
        (
            "listen = ['unix:/${env:SECRET}', 'unix:/${env:SECRET}']",
            "listen[1]: unix:/${env:SECRET} is taken in forge.toml:2 already",
        ),
        (
            "service = '${env:SECRET}'",
            "service: no service '${env:SECRET}' is installed; there are holding",
        ),
    ],
)
def test_a_secret_is_never_shown(wrong: Wrong, installed: type[Installed], setting: str, expected: str) -> None:
    assert wrong(f"[services.holding]\n{setting}", installed(holding)) == [f"forge.toml:2: services.holding.{expected}"]


def test_a_secret_is_not_shown_by_an_error_of_the_table_around_it(wrong: Wrong, installed: type[Installed]) -> None:
    assert wrong("[services.holding]\ntokens = ['${env:SECRET}']", installed(holding)) == [
        "forge.toml:1: services.holding: ['${env:SECRET}'] do not fit"
    ]


def test_a_number_may_come_from_a_placeholder(
    drawn: Draw, installed: type[Installed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIZE", "17")
    settings: Any = drawn("[services.holding]\nsize = '${env:SIZE}'", installed(holding)).plans[0].settings
    assert settings.size == 17
