"""Real processes, as the tests of the command line start them."""

from __future__ import annotations

from tests.cli.conftest import launch

__all__ = ["launch"]
