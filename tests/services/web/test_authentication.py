"""Who may come in."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent

from netforge.services.web.around.authentication import read_tokens
from netforge.testing import Network
from tests.services.web.conftest import Sites, Web

HERE = "tests.services.web.applications"
TOKEN = "correct horse"


def basic(name: str, password: str) -> dict[str, str]:
    """What a browser says."""
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


@pytest.fixture
def guarded(sites: Sites, tmp_path: Path) -> Any:
    """Runs a site that ada and bob with the password ``secret`` may see, over TLS, HTTP and on loopback."""
    hashed = b64encode(sha1(b"secret").digest()).decode()
    (tmp_path / "accounts").write_text(f"ada:{{SHA}}{hashed}\nb\u00f6b:{{SHA}}{hashed}\n")

    def run(auth: str = '"staff"') -> Web:
        return sites(
            f"""
            [services.web.sites.main]
            auth = {auth}
            at."/".site = "{HERE}:show"
            at."/open" = {{ respond = "open", auth = {{ passwords = false, tokens = {{ x = "{"0" * 64}" }} }} }}
            [shared.accounts]
            source = "htpasswd"
            htpasswd = "accounts"
            """,
            '[{ address = "tcp:443", tls = true }, "tcp:80", "tcp:127.0.0.1:8080", "unix:web.sock"]',
        )

    return run


def test_who_says_nothing_is_asked(guarded: Any) -> None:
    status, fields, _ = guarded().ask()
    assert status == 401
    assert fields["www-authenticate"] == 'Basic realm="staff", charset="UTF-8"'


def test_an_account_comes_in_with_its_password(guarded: Any, events: list[LogEvent]) -> None:
    web = guarded()
    assert web.ask(fields=basic("ada", "secret")).body == "|/|ada"
    assert web.ask(fields=basic("b\u00f6b", "secret")).body == "|/|b\u00f6b".encode().decode()
    [event, _] = [event for event in events if event.get("event") == "request"]
    assert event["user"] == "ada"
    assert not any("secret" in str(event) for event in events)


@pytest.mark.parametrize(
    "said",
    [
        basic("ada", "wrong"),
        basic("eve", "secret"),
        basic("", "secret"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic /w=="},
        {"Authorization": f"Basic {b64encode(b'ada').decode()}"},
        {"Authorization": "Digest x"},
        {"Authorization": "Bearer x"},
    ],
)
def test_nobody_else_does(guarded: Any, said: dict[str, str]) -> None:
    assert guarded().ask(fields=said).status == 401


def test_passwords_are_not_taken_in_the_clear_but_on_this_machine(guarded: Any) -> None:
    web = guarded()
    ada = basic("ada", "secret")
    assert [web.ask(fields=ada, number=number).status for number in range(4)] == [200, 403, 200, 200]


def test_a_password_is_hashed_once_a_minute(guarded: Any, network: Network, events: list[LogEvent]) -> None:
    web = guarded()

    def logins() -> int:
        return sum(event.get("event") == "authentication" for event in events)

    for _ in range(3):
        assert web.ask(fields=basic("ada", "secret")).status == 200
    first = logins()
    network.run(61)
    assert web.ask(fields=basic("ada", "secret")).status == 200
    assert (first, logins()) == (1, 2)


def test_so_many_passwords_are_believed_and_no_more(
    guarded: Any, events: list[LogEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netforge.services.web.around.authentication.MOST_BELIEVED", 1)
    web = guarded()
    for name in ("ada", "b\u00f6b", "ada", "ada"):
        assert web.ask(fields=basic(name, "secret")).status == 200
    assert sum(event.get("event") == "authentication" for event in events) == 3


def test_a_wrong_password_is_asked_for_each_time(guarded: Any) -> None:
    web = guarded()
    for _ in range(10):
        assert web.ask(fields=basic("ada", "wrong")).status == 401
    status, fields, _ = web.ask(fields=basic("ada", "wrong"))
    assert status == 429
    assert 0 < int(fields["retry-after"]) <= 60


def test_only_members_of_a_group_come_in(guarded: Any) -> None:
    web = guarded('{ groups = ["admins"] }')
    for _ in range(2):
        assert web.ask(fields=basic("ada", "secret")).status == 403
    assert web.ask(fields=basic("ada", "wrong")).status == 401


def test_programs_come_in_with_tokens(guarded: Any, tmp_path: Path) -> None:
    one, two = (sha256(token.encode()).hexdigest() for token in (TOKEN, "another"))
    (tmp_path / "tokens").write_text(f"# those of programs\nrobot {one.upper()} # the first\n\n")
    web = guarded(f'{{ passwords = false, tokens = {{ backup = "{two}" }}, token_file = "tokens" }}')
    assert web.ask(fields={"Authorization": f"Bearer {TOKEN}"}).body == "|/|robot"
    assert web.ask(fields={"Authorization": "bearer another"}).body == "|/|backup"
    refused = web.ask(fields={"Authorization": "Bearer other"})
    assert (refused.status, refused.fields["www-authenticate"]) == (401, 'Bearer realm="netforge"')
    assert web.ask(fields={"Authorization": f"Bearer {one}"}).status == 401
    assert web.ask(fields={"Authorization": f"Bearer {TOKEN}"}, number=1).status == 403
    assert web.ask(fields=basic("ada", "secret")).status == 401


def test_no_token_is_no_token(guarded: Any) -> None:
    web = guarded(f'{{ passwords = false, tokens = {{ unset = "{sha256(b"").hexdigest()}" }} }}')
    assert web.ask(fields={"Authorization": "Bearer "}).status == 401
    assert web.ask(fields={"Authorization": "Bearer"}).status == 401


def test_both_can_be_had(guarded: Any) -> None:
    web = guarded(f'{{ tokens = {{ robot = "{sha256(TOKEN.encode()).hexdigest()}" }} }}')
    assert web.ask().fields["www-authenticate"].count("realm") == 2
    assert web.ask(fields=basic("ada", "secret")).status == 200
    assert web.ask(fields={"Authorization": f"Bearer {TOKEN}"}).status == 200


@pytest.mark.parametrize("line", ["robot", "robot x", f"robot {'0' * 64} more"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"a {'0' * 64}\n{line}\n")
    with pytest.raises(ValueError, match=r"tokens:2: expected a name and the SHA-256 of a token"):
        read_tokens(file)
