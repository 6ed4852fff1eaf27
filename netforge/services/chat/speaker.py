"""What all wires share: a connection is somebody in the hub, for as long as it lasts."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime, ITCPTransport
from twisted.internet.protocol import ServerFactory
from twisted.internet.task import deferLater

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames import Codec, FrameProtocol, Framing, SlowReaderError
from netforge.services.chat.answers import Answer, Closing, Welcome
from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Member

__all__ = ["Speaker", "Wire"]

T = TypeVar("T")


class Speaker(FrameProtocol[T], Generic[T]):
    """One connection. A subclass for each wire says how events and answers look there, and reads requests.

    :param wire: what the connections of one listener share.
    """

    def __init__(self, wire: Wire[T]) -> None:
        super().__init__(
            wire.framing,
            wire.codec,
            clock=wire.clock,
            handler=lambda _, message: self.hear(message),
            max_unsent=wire.unsent,
            on_connected=lambda _: self.come(),
            on_lost=lambda _, reason: self.go(reason.value),
            on_error=lambda _, error: self.answer(Closing(str(error))),
        )
        self.wire = wire
        self.member: Member

    def express(self, event: Event) -> T:
        """The message that an event is on this wire, the same for everyone."""
        raise NotImplementedError

    def answer(self, answer: Answer) -> None:
        """Send an answer, all of it at once: requests wait for room, so that no answer counts as read too slowly."""
        raise NotImplementedError

    def obey(self, message: T) -> None:
        """Do what a message asks for, and answer."""
        raise NotImplementedError

    def come(self) -> None:
        """The connection is there."""
        if self.wire.keepalive and ITCPTransport.providedBy(self.transport):
            self.transport.setTcpKeepAlive(True)
        self.member = self.wire.hub.enter(self.deliver)
        self.answer(Welcome(self.member.nick))

    def hear(self, message: T) -> Deferred[None]:
        """A message is there. The next one is read in the next turn of the reactor.

        So what everyone else is sent meanwhile can leave: somebody who says very much at once has nobody taken for a
        slow reader. And who says something and hangs up still sees it come back.
        """
        self.obey(message)
        if self.member not in self.wire.hub:
            self.close()
        return deferLater(self.wire.clock, 0)

    def deliver(self, event: Event) -> None:
        """Something happened in the hub."""
        self.send_encoded(self.wire.frame(event, self))

    def go(self, reason: BaseException | None) -> None:
        """The connection is lost."""
        match reason:
            case ConnectionDone() | RemoteProtocolError():
                why = ""
            case SlowReaderError():
                why = "reads too slowly"
            case _:
                why = "connection lost"
        self.wire.hub.leave(self.member, why)

    def drain(self) -> None:
        """Say that this is the end, and close. What was received and not obeyed yet is dropped."""
        self.answer(Closing("the server is stopping"))
        self.wire.hub.leave(self.member, "the server is stopping")
        self.close()


class Wire(ServerFactory[Speaker[T]], Generic[T]):
    """Makes the connections of a listener.

    :param speaker: what makes one of them.
    :param hub: where they meet.
    :param unsent: the most bytes of events that wait for a slow reader while the transport's buffer is full, before
        it is cut.
    :param keepalive: whether TCP looks after silent connections (RFC 9293, section 3.8.4).
    """

    noisy = False

    def __init__(
        self,
        speaker: type[Speaker[T]],
        framing: Framing,
        codec: Codec[T],
        *,
        hub: Hub,
        clock: IReactorTime,
        unsent: int,
        keepalive: bool,
    ) -> None:
        self.framing = framing
        self.codec = codec
        self.hub = hub
        self.clock = clock
        self.unsent = unsent
        self.keepalive = keepalive
        self._speaker = speaker
        self._latest: tuple[Event | None, bytes] = None, b""

    def buildProtocol(self, addr: object) -> Speaker[T]:
        """A connection."""
        return self._speaker(self)

    def frame(self, event: Event, speaker: Speaker[T]) -> bytes:
        """The bytes of an event, made by the first who asks and then the same for all."""
        latest, frame = self._latest
        if latest is not event:
            frame = speaker.encode(speaker.express(event))
            self._latest = event, frame
        return frame
