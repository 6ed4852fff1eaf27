"""When to order a certificate again."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

__all__ = ["due", "pause"]

#: The pause after a first failure, doubled by each further one, and the longest. Let's Encrypt lets five validations of
#: a name fail in an hour.
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=6)


def due(begins: datetime, ends: datetime, random: Random) -> datetime:
    """When to renew a certificate: after two thirds of its lifetime, and up to a thirtieth of it later by chance.

    Thus not all the world asks at once.

    :param begins: its ``notBefore``.
    :param ends: its ``notAfter``.
    """
    lifetime = ends - begins
    return begins + lifetime * 2 / 3 + lifetime / 30 * random.random()


def pause(failures: int, random: Random) -> timedelta:
    """How long to wait after that many failures in a row, at least one: half of it is certain, the rest is chance."""
    longest = min(FIRST_PAUSE * float(1 << min(failures - 1, 16)), LONGEST_PAUSE)
    return longest * (0.5 + random.random() / 2)
