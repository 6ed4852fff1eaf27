"""The quick form of ``make conform-web``, as far as it takes what CI has and little time."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from tests.protocols.http.conformance import curl, h2load
from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import Server


@pytest.mark.real
@pytest.mark.parametrize("judge", [curl, h2load])
def test_a_program_finds_nothing(judge: ModuleType, tmp_path: Path) -> None:
    report = Report(judge.PROGRAM)
    with Server(tmp_path) as server:
        judge.judge(server, report, quick=True)
        assert "Traceback" not in server.log
    assert report.passed > 5
    assert not report.refused
