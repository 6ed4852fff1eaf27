"""What a member may ask for. A wire makes these out of what it reads; each one knows how it is carried out."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict

from netforge.services.chat.answers import Answer, Closing, Done, RoomList, RoomView
from netforge.services.chat.hub import Hub
from netforge.services.chat.rooms import Member

__all__ = ["Act", "Join", "Nick", "Part", "Quit", "Request", "Rooms", "Say", "Tell", "Topic", "Who"]


class Request(BaseModel, ABC):
    """The base of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def perform(self, hub: Hub, member: Member) -> Answer:
        """Do it.

        :raises ChatError: if the hub refuses.
        """


class Join(Request):
    """Go into a room."""

    room: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        return RoomView.of(hub.join(member, self.room), past=True)


class Part(Request):
    """Go out of a room."""

    room: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.part(member, self.room)
        return Done()


class Nick(Request):
    """Be called otherwise."""

    nick: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.rename(member, self.nick)
        return Done()


class Say(Request):
    """Say something in a room."""

    room: str
    text: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.say(member, self.room, self.text)
        return Done()


class Act(Request):
    """Do something in a room."""

    room: str
    text: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.act(member, self.room, self.text)
        return Done()


class Tell(Request):
    """Say something to one member alone."""

    to: str
    text: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.tell(member, self.to, self.text)
        return Done()


class Topic(Request):
    """Give a room another topic, or with an empty one none."""

    room: str
    topic: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.set_topic(member, self.room, self.topic)
        return Done()


class Who(Request):
    """Look who is in a room, and what its topic is."""

    room: str

    def perform(self, hub: Hub, member: Member) -> Answer:
        return RoomView.of(hub.find(self.room))


class Rooms(Request):
    """Look which rooms there are."""

    def perform(self, hub: Hub, member: Member) -> Answer:
        return RoomList.of(hub.rooms)


class Quit(Request):
    """Leave the chat, with a last word or without."""

    text: str = ""

    def perform(self, hub: Hub, member: Member) -> Answer:
        hub.quit(member, self.text)
        return Closing("you have left")
