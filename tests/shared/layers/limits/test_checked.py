"""What should hold for every server, of one that has its deadlines and its bandwidth from the layer."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.protocols.echo import EchoFactory
from netforge.shared.layers.limits import LimitsKeys, limits
from netforge.testing import check_protocol
from tests.shared.layers.limits.conftest import Surroundings


@pytest.mark.parametrize("given", [{}, {"bandwidth": 50_000}], ids=["deadlines", "bandwidth"])
def test_an_echo_without_deadlines_of_its_own(given: dict[str, Any]) -> None:
    def make(reactor: Any) -> Any:
        keys = LimitsKeys.model_validate({"limits": given})
        return limits.wrap_stream(EchoFactory(reactor, idle=None), keys, Surroundings(reactor).listener())

    check_protocol(make, [b"hello"], deadline=75.0, runs=10)
