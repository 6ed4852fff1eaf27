"""The cap that every framing has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netforge.protocols.errors import LocalProtocolError

__all__ = ["Capped"]


@dataclass(frozen=True, slots=True)
class Capped:
    """A framing with a cap.

    :param max_size: the most bytes of a payload, either way.
    :raises ValueError: the cap is negative, or more than the header can say.
    """

    max_size: int

    _limit: ClassVar[int] = 2**63 - 1

    def __post_init__(self) -> None:
        if not 0 <= self.max_size <= self._limit:
            raise ValueError(f"max_size is 0 to {self._limit}, not {self.max_size}")

    def _check(self, payload: bytes) -> None:
        if len(payload) > self.max_size:
            raise LocalProtocolError(f"a payload has at most {self.max_size} bytes, not {len(payload)}")
