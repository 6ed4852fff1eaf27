"""What tests of the benchmarks share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session of short measurements."""
    return Session(tmp_path, 0.05, 0.1, quick=True)
