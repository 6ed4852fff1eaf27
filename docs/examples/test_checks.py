"""Checks: what should hold for every protocol, and for every service."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from netforge.protocols.echo import EchoFactory
from netforge.testing import CheckFailed, check_protocol, check_service
from netforge.testing.pytest_plugin import MakeLab


def test_a_protocol() -> None:
    check_protocol(EchoFactory, examples=[b"hello", b"a longer conversation\r\n"])


def make_echo(reactor: Any) -> Any:
    return Factory.forProtocol(Echo)


def test_a_protocol_that_never_closes() -> None:
    with pytest.raises(CheckFailed, match="the server closes the connection within 66 s"):
        check_protocol(make_echo, examples=[b"hello"], memory=None)


def test_a_service() -> None:
    check_service("echo")


def test_a_plugin_of_your_own(lab: MakeLab) -> None:
    plugins = Path(__file__).parent / "plugins"
    service = lab('[services.greet]\nlisten = ["tcp:7101"]\nword = "Welcome"', plugin_dirs=[plugins])
    client = service.connect("greet")
    client.send(b"Ada\n")
    assert client.receive_until(b"\n") == b"Welcome, Ada!\n"
    service.reload('[services.greet]\nlisten = ["tcp:7101"]')
    assert service.connect("greet") is not client
    assert not client.closed
