"""Two ends of ours, which say whatever comes to their minds."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.interfaces import IDrainable
from netforge.protocols.websocket import Closed, Limits, WebSocket, connect
from netforge.testing import Network
from tests.protocols.websocket.talk import Server

messages = st.one_of(
    st.text(max_size=20), st.binary(max_size=20), st.integers(0, 100_000).map(bytes), st.just("a" * 5000)
)
ends = st.sampled_from([0, 1])


class Conversation(RuleBasedStateMachine):
    """What one end says, the other receives in its order, unless one of them closes.

    :ivar sent: by each end, and not received yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = Network()
        server = Server(self.network, limits=Limits(unread=3, unread_size=20_000))
        reactor = self.network.machine("client").reactor
        opening = connect(
            HostnameEndpoint(reactor, "server", 80), "ws://server/", clock=reactor, limits=Limits(unread=2)
        )
        client = self.network.run_until(opening)
        self.network.run(1)
        self.ends: list[WebSocket] = [client, server.sockets[0]]
        self.sent: list[list[str | bytes]] = [[], []]
        self.closing: tuple[int, str] | None = None

    @precondition(lambda self: self.closing is None)
    @rule(end=ends, message=messages)
    def say(self, end: int, message: str | bytes) -> None:
        self.ends[end].send(message)
        self.sent[end].append(message)

    @precondition(lambda self: self.closing is None)
    @rule(end=ends)
    def receive(self, end: int) -> None:
        if self.sent[1 - end]:
            assert self.network.run_until(self.ends[end].receive()) == self.sent[1 - end].pop(0)

    @rule(seconds=st.sampled_from([0, 0.01, 1, 30]))
    def wait(self, seconds: float) -> None:
        self.network.run(seconds)

    @precondition(lambda self: self.closing is None)
    @rule(end=ends, code=st.sampled_from([1000, 4000]), drained=st.booleans())
    def close(self, end: int, code: int, drained: bool) -> None:
        if drained:
            IDrainable(self.ends[end]).drain()
            code = 1001
        else:
            self.ends[end].close(code, "bye")
        self.closing = code, "" if drained else "bye"
        self.network.run(0.1)
        # The other one still receives what was said before.
        mine, other = self.ends[end], self.ends[1 - end]
        for message in self.sent[end]:
            assert self.network.run_until(other.receive()) == message
        self.network.run(1)
        assert other.closed is not None
        assert (other.closed.code, other.closed.reason) == self.closing
        assert mine.closed is not None
        assert mine.closed.code == code

    @precondition(lambda self: self.closing is not None)
    @rule(end=ends)
    def receive_no_more(self, end: int) -> None:
        failed: list[Any] = []
        self.ends[end].receive().addErrback(failed.append)
        assert failed[0].check(Closed)
        self.ends[end].send("dropped")

    @invariant()
    def nothing_fails(self) -> None:
        assert not self.network.failures

    def teardown(self) -> None:
        self.network.close()


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
