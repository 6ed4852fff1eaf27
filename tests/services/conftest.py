"""What holds for the tests of every service."""

from __future__ import annotations

from tests.blocking import nothing_blocks

__all__ = ["nothing_blocks"]
