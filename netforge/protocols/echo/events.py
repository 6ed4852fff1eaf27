"""What the client's core reports."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer is whole, and nothing more will be reported.

    :param data: the bytes as they came.
    """

    data: bytes
