from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import LogEvent, LogLevel
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.frames import (
    JSON,
    FrameClientFactory,
    FrameProtocol,
    IdleError,
    Lines,
    Netstrings,
    SlowReaderError,
)
from netforge.protocols.interfaces import IDrainable

if TYPE_CHECKING:
    from tests.conftest import MemoryReactor, Peer
    from tests.protocols.frames.conftest import Result, Serve


def echo(protocol: FrameProtocol[str], message: str) -> None:
    protocol.send(message)


def talk(peer: Peer) -> FrameProtocol[Any]:
    """Our end of the connection."""
    assert isinstance(peer.protocol, FrameProtocol)
    return peer.protocol


def full(peer: Peer) -> None:
    """What a transport does when its buffer is full."""
    assert peer.producer is not None
    peer.producer.pauseProducing()


def room(peer: Peer) -> None:
    assert peer.producer is not None
    peer.producer.resumeProducing()


def failures(events: list[LogEvent]) -> list[Any]:
    return [event["log_failure"].value for event in events if event["log_level"] is LogLevel.critical]


class Story:
    """Writes down what a connection is told, for a handler that takes its time when *slow*."""

    def __init__(self, slow: bool = False) -> None:
        self.slow = slow
        self.told: list[Any] = []
        self.open: list[Deferred[None]] = []

    def message(self, protocol: FrameProtocol[str], message: str) -> Deferred[None] | None:
        self.told.append(message)
        if not self.slow:
            return None
        self.open.append(Deferred())
        return self.open[-1]

    def lost(self, protocol: FrameProtocol[str], reason: Failure) -> None:
        self.told.append(reason.type)

    def error(self, protocol: FrameProtocol[str], error: RemoteProtocolError) -> None:
        self.told.append(str(error))
        protocol.send("sorry")

    def finish(self) -> None:
        self.open.pop(0).callback(None)


def test_it_provides_what_it_says(serve: Serve) -> None:
    protocol = serve(echo).protocol
    assert verifyObject(IDrainable, protocol)
    assert verifyObject(IHalfCloseableProtocol, protocol)


# By a handler


def test_a_function_gets_every_message(serve: Serve) -> None:
    peer = serve(echo)
    assert peer.send(b"one\ntw") == b"one\n"
    assert peer.send(b"o\r\n\nthree\n") == b"two\n\nthree\n"


def test_a_coroutine_function_gets_the_next_message_when_it_is_done(serve: Serve) -> None:
    gates: list[Deferred[None]] = []

    async def slowly(protocol: FrameProtocol[str], message: str) -> None:
        protocol.send(f"begin {message}")
        gates.append(Deferred())
        await gates[-1]
        protocol.send(f"end {message}")

    peer = serve(slowly)
    assert peer.send(b"a\nb\n") == b"begin a\n"
    gates[0].callback(None)
    assert peer.value() == b"begin a\nend a\nbegin b\n"
    gates[1].callback(None)
    assert peer.send(b"c\n").startswith(b"begin c\n")


def test_a_deferred_is_waited_for(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message)
    peer.send(b"a\nb\n")
    assert story.told == ["a"]
    story.finish()
    assert story.told == ["a", "b"]


def test_what_a_function_returns_otherwise_does_not_matter(serve: Serve) -> None:
    peer = serve(lambda protocol, message: protocol.send(message) or message)
    assert peer.send(b"a\nb\n") == b"a\nb\n"


def test_a_peer_is_paused_behind_a_slow_handler_and_resumed_when_nothing_waits(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message, max_waiting=2)
    peer.send(b"0\n1\n2\n")
    assert peer.producerState == "producing"
    peer.send(b"3\n")
    assert peer.producerState == "paused"
    story.finish()
    story.finish()
    assert peer.producerState == "paused"
    story.finish()
    assert peer.producerState == "producing"
    story.finish()
    peer.send(b"4\n")
    assert story.told == ["0", "1", "2", "3", "4"]


def test_a_quick_handler_pauses_nobody(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = serve(echo)
    monkeypatch.setattr(peer, "pauseProducing", lambda: pytest.fail("paused"))
    assert len(peer.send(b"x\n" * 1000)) == 2000


def test_a_peer_is_paused_behind_few_messages_that_are_large(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message)
    peer.send(b"first\n")
    for _ in range(2):
        assert peer.producerState == "producing"
        peer.send(b"x" * 10_000 + b"\n")
    assert peer.producerState == "paused"
    story.finish()
    assert peer.producerState == "paused"
    story.finish()
    assert peer.producerState == "producing"


def test_tiny_messages_of_a_large_read_do_not_all_wait_at_once(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message)
    tracemalloc.start()
    peer.send(b"ab\n" * 20_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peer.producerState == "paused"
    assert held < 200_000
    while story.open:
        story.finish()
    assert story.told == ["ab"] * 20_000
    assert peer.producerState == "producing"


def test_what_is_not_divided_yet_at_the_end_is_handed_over_before_an_error_in_it(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message, on_error=story.error)
    peer.send(b"ab\n" * 10_000 + b"half")
    peer.end()
    while story.open:
        story.finish()
    assert story.told[:-1] == ["ab"] * 10_000
    assert "ended 4 bytes" in story.told[-1]
    assert peer.disconnecting


def test_a_peer_that_sends_and_does_not_read_is_paused(serve: Serve) -> None:
    peer = serve(echo, max_waiting=2)
    full(peer)
    assert peer.send(b"0\n1\n") == b""
    assert peer.producerState == "producing"
    peer.send(b"2\n")
    assert peer.producerState == "paused"
    peer.clear()
    room(peer)
    assert peer.value() == b"0\n1\n2\n"
    assert peer.producerState == "producing"


def test_a_handler_that_fills_the_buffer_gets_the_next_message_when_there_is_room(serve: Serve) -> None:
    def fill(protocol: FrameProtocol[str], message: str) -> None:
        protocol.send(message)
        full(peer)

    peer = serve(fill)
    peer.send(b"a\nb\nc\n")
    peer.end()
    for answered in (b"a\n", b"a\nb\n", b"a\nb\nc\n"):
        assert peer.value() == answered
        assert not peer.disconnecting
        room(peer)
    assert peer.disconnecting


def test_what_waits_for_room_when_the_connection_is_lost_is_handed_over_before_the_end(serve: Serve) -> None:
    story = Story()
    peer = serve(story.message, on_lost=story.lost)
    full(peer)
    peer.send(b"a\nb\n")
    assert story.told == []
    peer._lose(ConnectionLost())  # what the reactor does
    assert story.told == ["a", "b", ConnectionLost]


@pytest.mark.parametrize("kind", ["function", "coroutine", "deferred"])
def test_an_exception_is_logged_once_and_cuts_the_connection(
    serve: Serve, memory: MemoryReactor, events: list[LogEvent], kind: str
) -> None:
    error = ZeroDivisionError("oops")
    story = Story()

    def function(protocol: FrameProtocol[str], message: str) -> Any:
        story.message(protocol, message)
        if kind == "function":
            raise error
        return coroutine() if kind == "coroutine" else Deferred.fromCoroutine(coroutine())

    async def coroutine() -> None:
        raise error

    peer = serve(function, on_lost=story.lost)
    peer.send(b"a\nb\n")
    memory.turn()
    assert peer.cut
    assert failures(events) == [error]
    assert story.told == ["a", ZeroDivisionError]


@pytest.mark.parametrize("error", [ValueError(), None])
def test_after_an_exception_no_message_follows_even_once_the_connection_is_lost(
    serve: Serve, events: list[LogEvent], error: Exception | None
) -> None:
    story = Story()
    gate: Deferred[None] = Deferred()

    async def fail(protocol: FrameProtocol[str], message: str) -> None:
        story.message(protocol, message)
        await gate
        if error is not None:
            raise error
        await protocol.drained()  # fails with the connection

    peer = serve(fail, on_lost=story.lost)
    peer.send(b"a\n" * 5000)
    peer.close()
    gate.callback(None)
    assert story.told == ["a", ConnectionDone]
    assert failures(events) == ([] if error is None else [error])


def test_nobody_may_receive_beside_the_handler(serve: Serve) -> None:
    with pytest.raises(LocalProtocolError, match="the handler receives"):
        talk(serve(echo)).receive()


# By asking


def test_messages_wait_until_they_are_received(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    peer.send(b"a\nb\n")
    assert [result(talk(peer).receive()).value for _ in range(2)] == ["a", "b"]
    waiting = result(talk(peer).receive())
    assert waiting.value is None
    peer.send(b"c\n")
    assert waiting.value == "c"


def test_only_one_may_wait(serve: Serve) -> None:
    peer = serve()
    talk(peer).receive()
    with pytest.raises(LocalProtocolError, match="somebody waits"):
        talk(peer).receive()


def test_who_stops_to_wait_loses_no_message(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    deferred = talk(peer).receive()
    cancelled = result(deferred)
    deferred.cancel()
    assert isinstance(cancelled.error, CancelledError)
    peer.send(b"a\n")
    assert result(talk(peer).receive()).value == "a"


def test_a_peer_is_paused_while_nobody_receives(serve: Serve, result: type[Result]) -> None:
    peer = serve(max_waiting=2)
    peer.send(b"0\n1\n2\n")
    assert peer.producerState == "paused"
    for number in range(3):
        assert peer.producerState == "paused"
        assert result(talk(peer).receive()).value == str(number)
    assert peer.producerState == "producing"


@pytest.mark.parametrize("reason", [ConnectionDone(), ConnectionLost()])
def test_what_came_before_the_end_is_received_first(serve: Serve, result: type[Result], reason: Exception) -> None:
    peer = serve()
    peer.send(b"a\nb\n")
    peer._lose(reason)  # what the reactor does
    assert [result(talk(peer).receive()).value for _ in range(2)] == ["a", "b"]
    assert result(talk(peer).receive()).error is reason
    assert result(talk(peer).receive()).error is reason


def test_who_waits_at_the_end_gets_the_reason(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    waiting = result(talk(peer).receive())
    peer.close()
    assert isinstance(waiting.error, ConnectionDone)


@pytest.mark.parametrize(("reason", "error"), [(ConnectionDone(), None), (ConnectionLost(), ConnectionLost)])
def test_a_loop_ends_with_the_connection_unless_it_broke(
    serve: Serve, result: type[Result], reason: Exception, error: type[Exception] | None
) -> None:
    seen = []

    async def read(protocol: FrameProtocol[str]) -> str:
        async for message in protocol:
            seen.append(message)  # noqa: PERF401  # what is seen before an error counts too
        return "done"

    peer = serve()
    peer.send(b"a\n")
    loop = result(Deferred.fromCoroutine(read(talk(peer))))
    peer.send(b"b\n")
    peer._lose(reason)  # what the reactor does
    assert seen == ["a", "b"]
    assert loop.value == (None if error else "done")
    assert type(loop.error) is (error or type(None))


def test_a_server_may_be_one_coroutine(serve: Serve, memory: MemoryReactor) -> None:
    story = Story()

    async def conversation(protocol: FrameProtocol[str]) -> None:
        protocol.send("name?")
        protocol.send(f"hello {await protocol.receive()}")
        protocol.close()

    peer = serve(on_connected=conversation, on_lost=story.lost)
    assert peer.value() == b"name?\n"
    assert peer.send(b"bob\n") == b"hello bob\n"
    memory.turn()
    assert story.told == [ConnectionDone]


# Hooks


def test_the_first_message_waits_for_on_connected_and_on_lost_comes_last(serve: Serve, memory: MemoryReactor) -> None:
    story = Story(slow=True)
    gate: Deferred[None] = Deferred()
    peer = serve(story.message, on_connected=lambda protocol: gate, on_lost=story.lost)
    peer.send(b"a\nb\n")
    peer._lose(ConnectionLost())  # what the reactor does
    assert story.told == []
    gate.callback(None)
    assert story.told == ["a"]
    story.finish()
    assert story.told == ["a", "b"]
    story.finish()
    assert story.told == ["a", "b", ConnectionLost]


def test_hooks_that_fail_are_logged(serve: Serve, memory: MemoryReactor, events: list[LogEvent]) -> None:
    errors = [ValueError("connected"), ValueError("lost"), ValueError("error")]

    def failing(error: Exception) -> Callable[..., object]:
        def hook(*args: object) -> None:
            raise error

        return hook

    peer = serve(echo, on_connected=failing(errors[0]), on_lost=failing(errors[1]))
    memory.turn()
    assert peer.cut
    peer = serve(echo, on_error=failing(errors[2]))
    peer.send(b"\xff\n")
    memory.turn()
    assert peer.lost is not None
    assert failures(events) == errors


# Sending


def test_nothing_is_sent_once_it_closes_or_has_gone(serve: Serve) -> None:
    peer = serve(echo)
    talk(peer).send("last")
    talk(peer).close()
    talk(peer).send("later")
    talk(peer).close()
    assert peer.producer is None  # which closing would wait for
    peer.close()
    talk(peer).send("later")
    talk(peer).close()
    talk(peer).abort(ValueError())
    assert peer.value() == b"last\n"


def test_what_cannot_be_expressed_or_framed_is_the_senders_error(serve: Serve) -> None:
    peer = serve()
    for message in ("\ud800", "a\nb", "x" * 16385):
        with pytest.raises(LocalProtocolError):
            talk(peer).send(message)
    assert peer.value() == b""


def test_a_message_to_many_is_encoded_once(serve: Serve) -> None:
    one, other = serve(), serve()
    frame = talk(one).encode("news")
    for peer in (one, other):
        talk(peer).send_encoded(frame)
        assert peer.value() == b"news\n"


def test_drained_waits_for_room(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    protocol = talk(peer)
    at_once = result(protocol.drained().addCallback(lambda _: "room"))
    assert at_once.value == "room"
    full(peer)
    cancelled = protocol.drained()
    gone = result(cancelled)
    waiting = [result(protocol.drained().addCallback(lambda _: "room")) for _ in range(2)]
    cancelled.cancel()
    assert [one.value for one in waiting] == [None, None]
    room(peer)
    assert [one.value for one in waiting] == ["room", "room"]
    assert isinstance(gone.error, CancelledError)


def test_who_wakes_up_and_fills_the_buffer_leaves_the_others_waiting(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    full(peer)
    first = talk(peer).drained().addCallback(lambda _: full(peer))
    second = result(talk(peer).drained().addCallback(lambda _: "room"))
    room(peer)
    assert first.called
    assert second.value is None
    room(peer)
    assert second.value == "room"


def test_drained_fails_with_the_connection(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    full(peer)
    waiting = result(talk(peer).drained())
    peer.close()
    assert isinstance(waiting.error, ConnectionDone)
    assert isinstance(result(talk(peer).drained()).error, ConnectionDone)


def test_a_handler_that_waits_for_room_ends_quietly_with_the_connection(serve: Serve, events: list[LogEvent]) -> None:
    story = Story()

    async def send_much(protocol: FrameProtocol[str], message: str) -> None:
        await protocol.drained()

    peer = serve(send_much, on_lost=story.lost)
    full(peer)
    peer.send(b"a\n")
    peer.close()
    assert story.told == [ConnectionDone]
    assert failures(events) == []


def test_a_peer_that_reads_too_slowly_is_cut_with_that_reason(serve: Serve, memory: MemoryReactor) -> None:
    story = Story()
    peer = serve(on_lost=story.lost, max_unsent=10)
    protocol = talk(peer)
    for _ in range(5):
        protocol.send("more than 10")
    assert protocol.unsent == 0
    full(peer)
    protocol.send("12345678")
    assert protocol.unsent == 9
    room(peer)
    assert protocol.unsent == 0
    full(peer)
    protocol.send("123456789")
    assert not peer.disconnected
    protocol.send("")
    protocol.send("")
    memory.turn()
    assert peer.cut
    assert story.told == [SlowReaderError]
    assert peer.value().endswith(b"123456789\n")


def test_the_reasons_read_well() -> None:
    assert str(SlowReaderError("more than 10 bytes wait for it")) == (
        "The peer reads too slowly: more than 10 bytes wait for it."
    )
    assert str(IdleError()) == "The peer kept us waiting for too long."


# What the peer does wrong


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"a\n\xff\nb\n", "not utf-8"), (b"a\n" + b"x" * 16385, "more than 16384"), (b"a\nhalf", "ended 4 bytes")],
)
@pytest.mark.parametrize("slow", [False, True])
def test_after_an_error_and_all_before_it_the_service_may_answer(
    serve: Serve, memory: MemoryReactor, events: list[LogEvent], data: bytes, error: str, slow: bool
) -> None:
    story = Story(slow)
    peer = serve(story.message, on_error=story.error, on_lost=story.lost)
    peer.send(data)
    peer.end()
    if slow:
        assert story.told == ["a"]
        assert not peer.disconnecting
        story.finish()
    memory.turn()
    assert story.told[0] == "a"
    assert error in story.told[1]
    assert story.told[2:] == [RemoteProtocolError]
    assert peer.value() == b"sorry\n"
    assert not peer.cut
    assert failures(events) == []


def test_an_endless_line_ends_the_connection_at_the_cap(serve: Serve, memory: MemoryReactor) -> None:
    peer = serve(echo, framing=Lines(max_size=1000))
    for _ in range(1000):
        peer.send(b"x")
    memory.turn()
    assert peer.lost is None
    peer.send(b"x")
    memory.turn()
    assert peer.lost is not None


def test_whoever_receives_gets_the_error_after_the_messages(serve: Serve, result: type[Result]) -> None:
    peer = serve(codec=JSON())
    peer.send(b"1\nnonsense\n2\n")
    assert result(talk(peer).receive()).value == 1
    assert "not JSON" in str(result(talk(peer).receive()).error)
    assert "not JSON" in str(result(talk(peer).receive()).error)
    assert peer.disconnecting


def test_nothing_is_received_after_an_error_although_it_waits(serve: Serve, result: type[Result]) -> None:
    peer = serve(codec=JSON())
    peer.send(b"1\nnonsense\n2\n")
    peer._lose(ConnectionLost())  # what the reactor does
    assert result(talk(peer).receive()).value == 1
    for _ in range(2):
        assert isinstance(result(talk(peer).receive()).error, ConnectionLost)


def test_nothing_more_is_read_after_an_error(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message, framing=Netstrings())
    peer.send(b"1:a,x")
    assert peer.producerState == "paused"
    peer.send(b"1:b,")
    story.finish()
    assert story.told == ["a"]
    assert peer.disconnecting


def test_a_stream_that_ends_within_a_message_without_half_close_is_an_error(serve: Serve) -> None:
    story = Story()
    peer = serve(story.message, on_lost=story.lost)
    peer.send(b"a\nhalf")
    peer.close()
    assert story.told == ["a", RemoteProtocolError]


def test_a_bad_message_before_a_reset_is_not_the_services_failure(serve: Serve, events: list[LogEvent]) -> None:
    story = Story(slow=True)
    peer = serve(story.message, on_error=story.error, on_lost=story.lost)
    peer.send(b"a\n\xff\n")
    peer._lose(ConnectionLost())  # what the reactor does
    story.finish()
    assert story.told == ["a", ConnectionLost]
    assert failures(events) == []


# The end


def test_when_the_peer_ends_its_side_the_rest_is_answered_first(serve: Serve, memory: MemoryReactor) -> None:
    story = Story(slow=True)
    peer = serve(story.message, on_lost=story.lost)
    peer.send(b"a\nb\n")
    peer.end()
    memory.turn()
    story.finish()
    assert peer.lost is None
    talk(peer).send("answer")
    story.finish()
    memory.turn()
    assert story.told == ["a", "b", ConnectionDone]
    assert peer.value() == b"answer\n"


def test_drain_reads_nothing_more_and_closes_after_what_was_received(serve: Serve, memory: MemoryReactor) -> None:
    story = Story(slow=True)
    peer = serve(story.message, on_lost=story.lost)
    peer.send(b"a\nb\nhal")
    talk(peer).drain()
    talk(peer).drain()
    peer.send(b"f\n")
    assert peer.producerState == "paused"
    story.finish()
    story.finish()
    memory.turn()
    assert story.told == ["a", "b", ConnectionDone]
    talk(peer).drain()


def test_a_paused_peer_that_ended_its_side_is_not_read_again(serve: Serve) -> None:
    story = Story(slow=True)
    peer = serve(story.message, max_waiting=0)
    peer.send(b"a\nb\n")
    peer.end()
    story.finish()
    assert story.told == ["a", "b"]
    assert peer.producerState == "paused"


def test_drain_closes_an_idle_connection_at_once(serve: Serve) -> None:
    peer = serve(echo)
    talk(peer).drain()
    assert peer.disconnecting


def test_drain_of_a_connection_that_is_asked_closes_when_it_is_asked_again(serve: Serve, result: type[Result]) -> None:
    peer = serve()
    peer.send(b"a\n")
    talk(peer).drain()
    assert result(talk(peer).receive()).value == "a"
    assert not peer.disconnecting
    result(talk(peer).receive())
    assert peer.disconnecting


def test_a_handler_that_closes_gets_no_more_messages(serve: Serve, memory: MemoryReactor) -> None:
    story = Story()

    def quit_at_once(protocol: FrameProtocol[str], message: str) -> None:
        story.message(protocol, message)
        protocol.close()

    peer = serve(quit_at_once, on_lost=story.lost)
    peer.send(b"a\nb\n")
    peer.send(b"c\n")
    memory.turn()
    assert story.told == ["a", ConnectionDone]


def test_what_follows_after_a_handler_has_closed_is_no_error(serve: Serve, memory: MemoryReactor) -> None:
    story = Story()

    def quit_at_once(protocol: FrameProtocol[str], message: str) -> None:
        story.message(protocol, message)
        protocol.close()

    peer = serve(quit_at_once, on_lost=story.lost, on_error=story.error)
    peer.send(b"a\n" + b"x" * 16385)
    memory.turn()
    assert story.told == ["a", ConnectionDone]


def test_abort_gives_its_reason_to_all(serve: Serve, memory: MemoryReactor, result: type[Result]) -> None:
    story = Story()
    peer = serve(on_lost=story.lost)
    waiting = result(talk(peer).receive())
    full(peer)
    draining = result(talk(peer).drained())
    reason = ConnectionAborted("kicked")
    talk(peer).abort(reason)
    assert waiting.error is draining.error is reason
    memory.turn()
    assert story.told == [ConnectionAborted]
    assert peer.cut


# Idle


def test_a_silent_peer_is_cut(serve: Serve, memory: MemoryReactor) -> None:
    story = Story()
    peer = serve(echo, idle=10, on_lost=story.lost)
    memory.wait(9)
    peer.send(b"x")
    memory.wait(9)
    assert peer.lost is None
    memory.wait(1)
    assert peer.cut
    assert story.told == [IdleError]
    assert memory.getDelayedCalls() == []


def test_our_own_time_does_not_count(serve: Serve, memory: MemoryReactor) -> None:
    story = Story(slow=True)
    peer = serve(story.message, idle=10)
    peer.send(b"a\n")
    memory.wait(10)
    memory.wait(5)
    assert peer.lost is None
    story.finish()
    memory.wait(9)
    assert peer.lost is None
    memory.wait(1)
    assert peer.cut


def test_the_time_of_whoever_receives_begins_when_he_asks(serve: Serve, memory: MemoryReactor) -> None:
    peer = serve(idle=10)
    memory.wait(10)
    memory.wait(5)
    deferred = talk(peer).receive().addErrback(lambda _: None)
    memory.wait(9)
    assert peer.lost is None
    memory.wait(1)
    assert peer.cut
    assert deferred.called


def test_no_timer_outlives_the_connection(serve: Serve, memory: MemoryReactor) -> None:
    serve(echo, idle=10).close()
    assert memory.getDelayedCalls() == []


def test_a_peer_that_lets_us_wait_for_room_is_cut(serve: Serve, memory: MemoryReactor) -> None:
    story = Story(slow=True)
    peer = serve(story.message, idle=10)
    peer.send(b"a\n")
    memory.wait(9)
    full(peer)
    memory.wait(9)
    room(peer)
    full(peer)
    memory.wait(9)
    assert peer.lost is None
    memory.wait(1)
    assert peer.cut


def test_that_a_peer_sends_is_no_progress_while_it_does_not_read(serve: Serve, memory: MemoryReactor) -> None:
    peer = serve(echo, idle=10)
    full(peer)
    memory.wait(9)
    peer.send(b"x")
    memory.wait(1)
    assert peer.cut


def test_that_the_peer_reads_is_progress(serve: Serve, memory: MemoryReactor) -> None:
    peer = serve(echo, idle=10)
    full(peer)
    memory.wait(9)
    room(peer)
    memory.wait(9)
    assert peer.lost is None
    memory.wait(1)
    assert peer.cut


def test_without_idle_nothing_is_cut_and_no_timer_runs(serve: Serve, memory: MemoryReactor) -> None:
    serve(echo, idle=None)
    assert memory.getDelayedCalls() == []


def test_a_closing_connection_that_the_peer_keeps_open_is_cut(
    serve: Serve, memory: MemoryReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = serve(Story(slow=True).message, idle=10)
    monkeypatch.setattr(peer, "loseConnection", lambda: None)  # as while the peer does not read
    peer.send(b"a\n")
    talk(peer).close()
    memory.wait(10)
    assert peer.cut


# The client


def test_a_client_has_the_same_protocol(memory: MemoryReactor, serve: Serve, result: type[Result]) -> None:
    peer = serve(idle=None)
    factory = FrameClientFactory(Lines(), JSON(), clock=memory)
    protocol = factory.buildProtocol(peer.getPeer())
    assert protocol is not None
    peer = type(peer)(memory, peer.getHost(), protocol)
    protocol.makeConnection(peer)
    protocol.send({"hello": "world"})
    assert peer.value() == b'{"hello":"world"}\n'
    peer.send(b"[1]\n")
    assert result(protocol.receive()).value == [1]
    assert memory.getDelayedCalls() == []
