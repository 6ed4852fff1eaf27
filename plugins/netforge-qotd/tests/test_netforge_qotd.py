from pathlib import Path
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock, StringTransport

from netforge.host import forge_from_text
from netforge_qotd import LONGEST, QuoteProtocol, QuoteSettings, read_quotes


def test_settings() -> None:
    assert str(QuoteSettings().listen) == "tcp:0.0.0.0:17"
    with pytest.raises(ValidationError, match="quote"):
        QuoteSettings.model_validate({"quote": "quotes.txt"})


def test_protocol_sends_a_quote_and_closes() -> None:
    transport = StringTransport()
    QuoteProtocol([b"Be liberal."], Random(0)).makeConnection(transport)
    assert transport.value() == b"Be liberal.\r\n"
    assert transport.disconnecting


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "quotes.txt"
    file.write_text("one\n\n  two  \n")
    assert read_quotes(file) == [b"one", b"two"]


@pytest.mark.parametrize(("content", "reason"), [("\n", "found none"), ("x" * (LONGEST + 1), "at most 509 bytes")])
def test_useless_file(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "quotes.txt"
    file.write_text(content)
    with pytest.raises(ValueError, match=reason):
        read_quotes(file)


def test_service(tmp_path: Path) -> None:
    """The whole of it, as netforge runs it: settings in, a quote out."""
    (tmp_path / "quotes.txt").write_text("Be liberal.\n")
    settings = '[services.qotd]\nlisten = "tcp:127.0.0.1:1717"\nquotes = "quotes.txt"'
    reactor: Any = MemoryReactorClock()
    forge_from_text(settings, reactor, tmp_path).startService()
    reactor.run()
    reactor.advance(0)

    [(port, factory, _, interface)] = reactor.tcpServers
    assert (interface, port) == ("127.0.0.1", 1717)
    transport = StringTransport()
    factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000)).makeConnection(transport)
    assert transport.value() == b"Be liberal.\r\n"
