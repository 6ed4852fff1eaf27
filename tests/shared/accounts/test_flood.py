"""Guessing against running accounts: what is refused, what is told, and what it costs."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import DeferredList

from netforge.plugin import PasswordLogin, TooManyFailures
from netforge.shared.accounts.journal import EVERY, MOST_ADDRESSES, OTHERS
from tests.shared.accounts.conftest import CHEAP, PEER, Office, RunOffice

OTHER = IPv4Address("TCP", "192.0.2.2", 1)


def test_the_eleventh_failure_in_a_minute_is_refused_before_hashing(
    office: Office, hashed: list[tuple[str, str]]
) -> None:
    for number in range(15):
        assert office.refuses("ada", f"wrong{number}")
    assert [password for password, _ in hashed] == [f"wrong{number}" for number in range(10)]
    with pytest.raises(TooManyFailures) as caught:
        office.by_password("ada", "pencil")
    assert 59 < caught.value.wait <= 60
    assert office.by_password("ada", "pencil", OTHER).name == "ada"
    office.network.run(60)
    assert office.by_password("ada", "pencil").name == "ada"


@pytest.mark.parametrize("name", ["ada", "\x00" * 300], ids=["a name", "no name"])
def test_another_spelling_is_no_way_around(office: Office, name: str) -> None:
    for number in range(10):
        assert office.refuses(name.title() if number % 2 else name, "wrong")
    with pytest.raises(TooManyFailures):
        office.by_password(f"{name.upper()}{name[300:]}", "pencil")


def test_many_at_once_are_no_way_around(office: Office, hashed: list[tuple[str, str]]) -> None:
    async def guess() -> list[tuple[bool, object]]:
        logins = [PasswordLogin("ada", f"wrong{number}") for number in range(300)]
        tried = [office.accounts.authenticate(login, PEER, scope="mail") for login in logins]
        found: list[tuple[bool, object]] = await DeferredList(tried, consumeErrors=True)
        return found

    outcomes = office.do(guess)
    assert len(hashed) == 10
    assert not any(success for success, _ in outcomes)


def test_names_in_turn_are_refused_by_address(office: Office, hashed: list[tuple[str, str]]) -> None:
    for number in range(120):
        assert office.refuses(f"user{number}", "wrong")
    assert len(hashed) == 100
    with pytest.raises(TooManyFailures):
        office.by_password("ada", "pencil")
    assert office.by_password("ada", "pencil", OTHER).name == "ada"


def test_a_good_login_does_not_make_room_for_guessing(office: Office, hashed: list[tuple[str, str]]) -> None:
    office.admin_does("add", "mallory", "paper")
    for number in range(99):
        assert office.refuses(f"user{number}", "wrong")
    assert office.by_password("mallory", "paper").name == "mallory"
    office.refuses("ada", "wrong")
    with pytest.raises(TooManyFailures):
        office.by_password("mallory", "paper")


def test_one_customer_of_ipv6_is_one_address(office: Office) -> None:
    for number in range(10):
        assert office.refuses("ada", "wrong", IPv6Address("TCP", f"2001:db8::{number:x}", 1))
    with pytest.raises(TooManyFailures):
        office.by_password("ada", "pencil", IPv6Address("TCP", "2001:db8::ffff:1", 1))
    assert office.by_password("ada", "pencil", IPv6Address("TCP", "2001:db8:0:1::1", 1)).name == "ada"


def test_failures_outlive_a_reload(office: Office) -> None:
    for _ in range(10):
        office.refuses("ada", "wrong")
    office.reload(CHEAP.replace("passes = 1", "passes = 2"))
    with pytest.raises(TooManyFailures):
        office.by_password("ada", "pencil")


def test_the_settings_say_how_many_and_who_is_exempt(run_office: RunOffice) -> None:
    office = run_office(f'{CHEAP}pair_failures = 2\naddress_failures = 3\nexempt = ["192.0.2.2"]\n')
    office.admin_does("add", "ada", "pencil")
    for name in ("ada", "ada", "bob"):
        office.refuses(name, "wrong")
        office.refuses(name, "wrong", OTHER)
    with pytest.raises(TooManyFailures):
        office.by_password("ada", "pencil")
    assert office.by_password("ada", "pencil", OTHER).name == "ada"


def test_what_is_refused_is_told_once_a_minute(office: Office) -> None:
    for _ in range(10):
        office.refuses("ada", "wrong")
    before = len(office.told)
    for _ in range(50):
        office.refuses("ada", "wrong")
    assert [(event["peer"], event["count"]) for event in office.told[before:]] == [("192.0.2.1", 1)]
    office.network.run(EVERY)
    assert [event["count"] for event in office.told[before:]] == [1, 49]
    office.network.run(5 * EVERY)
    assert [event["count"] for event in office.told[before:]] == [1, 49]
    assert 'netforge_logins_total{method="password",outcome="refused"} 50.0' in office.metrics


def test_what_was_not_told_is_told_at_the_stop(office: Office) -> None:
    for _ in range(15):
        office.refuses("ada", "wrong")
    before = len(office.told)
    office.lab.stop()
    assert [event["count"] for event in office.told[before:]] == [4]


def test_refused_addresses_are_remembered_up_to_a_bound(office: Office) -> None:
    attempts = office.accounts.attempts
    for number in range(MOST_ADDRESSES + 5):
        peer = IPv4Address("TCP", f"10.0.{number // 256}.{number % 256}", 1)
        for _ in range(10):
            attempts.begin("ada", "password", peer, "mail", "-")
        with pytest.raises(TooManyFailures):
            attempts.begin("ada", "password", peer, "mail", "-")
    before = len(office.told)
    office.network.run(EVERY)
    assert [(event["peer"], event["count"]) for event in office.told[before:]] == [(OTHERS, 5)]
