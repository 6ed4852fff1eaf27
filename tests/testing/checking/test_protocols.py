"""``check_protocol``: what is right passes, each fault is found, and the program it gives shows the fault again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.protocols.policies import TimeoutMixin
from twisted.protocols.wire import Echo
from twisted.python.failure import Failure

from netforge.protocols.echo import (
    CharacterGeneratorFactory,
    DaytimeFactory,
    DiscardFactory,
    EchoFactory,
    QuoteFactory,
    Quotes,
    TimeFactory,
)
from netforge.protocols.frames import JSON, FrameServerFactory, Lines, Netstrings, Prefixed32, Raw
from netforge.testing import CheckFailed, NotSimulated, check_protocol
from netforge.testing.checking.protocol import check_protocol as implementation
from tests.testing.checking.broken import BROKEN, Good, LeavesAFile, Remembers, WantsNumbers

EXAMPLES = [b"1\n22\n333\n", b"quit\n"]


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    """Closes what one of the broken leaves open."""
    yield
    while LeavesAFile.opened:
        os.close(LeavesAFile.opened.pop())


class Shouting(TimeoutMixin, LineReceiver):
    """A protocol as Twisted's own are: its time is the global reactor's."""

    transport: Any

    def connectionMade(self) -> None:
        self.setTimeout(60)
        self.transport.registerProducer(self.transport, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.setTimeout(None)

    def lineReceived(self, line: bytes) -> None:
        self.resetTimeout()
        self.sendLine(line.upper())

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802  Twisted's
        self.transport.abortConnection()

    def timeoutConnection(self) -> None:  # noqa: N802  Twisted's
        self.transport.abortConnection()


def quotes(_: IReactorTime) -> Any:
    return QuoteFactory(Quotes(["Be liberal."], Random(0)))


def answering(framing: Any, codec: Any) -> Callable[[Any], Any]:
    return lambda clock: FrameServerFactory(
        framing, codec, lambda protocol, message: protocol.send(message), clock=clock
    )


@pytest.mark.parametrize(
    ("make", "examples"),
    [
        (EchoFactory, [b"hello"]),
        (DiscardFactory, [b"hello"]),
        (CharacterGeneratorFactory, [b""]),
        (DaytimeFactory, [b"", b"x"]),
        (TimeFactory, [b""]),
        (quotes, [b""]),
        (answering(Lines(), JSON()), [b'{"a": [1, 2.5, null]}\n"b"\r\n', "é\n".encode()]),
        (answering(Netstrings(), Raw()), [b"5:hello,0:,"]),
        (answering(Prefixed32(), Raw()), [b"\0\0\0\5hello\0\0\0\0"]),
        (Good.make, EXAMPLES),
        (Good.make, st.lists(st.binary(max_size=8)).map(b"\n".join)),
    ],
)
def test_what_is_right_passes(make: Any, examples: Any) -> None:
    check_protocol(make, examples, runs=8, memory=512 * 1024)


def test_the_global_reactor() -> None:
    def make(_: object) -> Any:
        return Factory.forProtocol(Shouting)

    check_protocol(make, [b"hello\r\nyou\r\n"], global_reactor=True, runs=8)
    with pytest.raises(NotSimulated, match="the global reactor is not on the simulated network"):
        check_protocol(make, [b"hello\r\n"])


@pytest.mark.parametrize(("protocol", "check", "words"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_each_fault_is_found_and_shown_again(protocol: type[Good], check: str, words: str) -> None:
    # To fill the memory takes longest, and is left to those that let it be filled.
    options: dict[str, Any] = {} if check == "memory" else {"memory": None}
    with pytest.raises(CheckFailed) as caught:
        check_protocol(protocol.make, EXAMPLES, **options)
    failed = caught.value
    assert failed.check.startswith(f"{check}: ")
    assert words in failed.found + failed.check
    assert failed.trace in str(failed)
    assert failed.script in str(failed)
    assert f"import {protocol.__name__}\n" in failed.script
    done = subprocess.run([sys.executable, "-c", failed.script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"CheckFailed: {failed.check}\n" in done.stderr
    assert failed.expected in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(("protocol", "check", "_"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_each_check_can_be_left_out(protocol: type[Good], check: str, _: str) -> None:
    off: dict[str, Any] = {"memory": None, check: None if check in ("memory", "deadline") else False}
    check_protocol(protocol.make, EXAMPLES, runs=4, **off)


def test_what_is_found_is_simplified() -> None:
    with pytest.raises(CheckFailed) as caught:
        check_protocol(WantsNumbers.make, [b"1\n2\n3\n"], chunking=False)
    assert "], 'stay', wait=66.0)" in caught.value.script
    assert "seed" not in caught.value.script


def test_the_bounds_can_be_moved() -> None:
    examples = [b"x\n"]
    with pytest.raises(CheckFailed, match=r"within 33 s"):
        check_protocol(EchoFactory, examples, deadline=30)
    check_protocol(EchoFactory, examples, deadline=60)
    with pytest.raises(CheckFailed, match=r"at most 10,002 bytes"):
        check_protocol(EchoFactory, examples, memory=10_000, deadline=None)


def test_a_factory_without_a_name_is_to_be_filled_in() -> None:
    with pytest.raises(CheckFailed) as caught:
        check_protocol(lambda _: Factory.forProtocol(Echo), [b"hello"], memory=None)
    script = caught.value.script
    assert f"it was test_a_factory_without_a_name_is_to_be_filled_in.<locals>.<lambda>, from {__file__}:" in script
    unfilled = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "NotImplementedError" in unfilled.stderr
    filled = script.replace(
        "    raise NotImplementedError\n",
        "    from twisted.internet.protocol import Factory\n"
        "    from twisted.protocols.wire import Echo\n"
        "    return Factory.forProtocol(Echo)\n",
    )
    done = subprocess.run([sys.executable, "-c", filled], capture_output=True, text=True, check=False)
    assert f"CheckFailed: {caught.value.check}\n" in done.stderr


def test_a_program_finds_a_module_that_is_on_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger.py").write_text(
        "from twisted.internet.protocol import Factory\n"
        "from twisted.protocols.wire import Echo\n"
        "def make(reactor):\n"
        "    return Factory.forProtocol(Echo)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import stranger  # type: ignore[import-not-found]  # written just now

    with pytest.raises(CheckFailed) as caught:
        check_protocol(stranger.make, [b"hello"], memory=None)
    done = subprocess.run([sys.executable, "-c", caught.value.script], capture_output=True, text=True, check=False)
    assert f"CheckFailed: {caught.value.check}\n" in done.stderr


def test_what_does_something_else_each_time() -> None:
    with pytest.raises(CheckFailed, match="repeating: the same conversation does not do the same twice"):
        check_protocol(Remembers.make, [b"1\n"], chunking=False)


@pytest.mark.parametrize("examples", [[], b"hello"])
def test_examples_that_are_none(examples: Any) -> None:
    with pytest.raises(ValueError, match="expected a list of what clients say"):
        check_protocol(EchoFactory, examples)


def test_something_that_makes_no_factory() -> None:
    with pytest.raises(TypeError, match=r"make\(reactor\) returned 5; expected a protocol factory"):
        check_protocol(lambda _: 5, [b""])  # type: ignore[arg-type, return-value]  # what the test is about


def test_without_hypothesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match=r"pip install 'netforge\[testing\]'"):
        implementation(EchoFactory, [b""])
