"""When certificates are ordered again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from netforge.shared.certificates.acme.renewal import due, pause

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


@given(days=st.integers(1, 400), seed=st.integers(0, 1000))
def test_a_certificate_is_renewed_in_the_last_third_of_its_life(days: int, seed: int) -> None:
    lifetime = timedelta(days=days)
    when = due(BEGINS, BEGINS + lifetime, Random(seed))
    assert lifetime * 2 / 3 <= when - BEGINS <= lifetime * 0.7


def test_not_all_are_renewed_at_once() -> None:
    random = Random(1)
    times = {due(BEGINS, BEGINS + timedelta(days=90), random) for _ in range(100)}
    assert max(times) - min(times) > timedelta(days=2)


@given(failures=st.integers(1, 10_000), seed=st.integers(0, 1000))
def test_pauses_grow_to_six_hours(failures: int, seed: int) -> None:
    longest = min(timedelta(minutes=5) * 2 ** min(failures - 1, 20), timedelta(hours=6))
    assert longest / 2 <= pause(failures, Random(seed)) <= longest


def test_a_name_is_not_asked_for_five_times_an_hour() -> None:
    random, hour, attempts = Random(1), timedelta(), 1
    while hour < timedelta(hours=1):
        hour += pause(attempts, random)
        attempts += 1
    assert attempts <= 6
