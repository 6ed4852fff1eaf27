"""The wire for programs: one JSON object a line.

A request is ``{"type": "say", "room": "lobby", "text": "hello"}``. It gets one answer, in the order of the requests; an
``"id"`` in the request comes back in its answer. Events come between, and have no ``"id"``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.frames import JSON
from netforge.services.chat.answers import Answer, Refused
from netforge.services.chat.errors import ChatError
from netforge.services.chat.events import Event
from netforge.services.chat.hub import Hub
from netforge.services.chat.requests import Act, Join, Nick, Part, Quit, Request, Rooms, Say, Tell, Topic, Who
from netforge.services.chat.rooms import Member
from netforge.services.chat.speaker import Speaker

__all__ = ["REQUESTS", "ObjectSpeaker", "Objects", "obeyed", "plain", "read"]

#: Every request, by its type.
REQUESTS: dict[str, type[Request]] = {
    "act": Act,
    "join": Join,
    "nick": Nick,
    "part": Part,
    "quit": Quit,
    "rooms": Rooms,
    "say": Say,
    "tell": Tell,
    "topic": Topic,
    "who": Who,
}

#: The most characters of what is said about a wrong request, which may hold much that is wrong.
REASON_SIZE = 500

Id = int | str | None

# Bounded, since every answer repeats it.
_ID: TypeAdapter[Id] = TypeAdapter(
    Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] | Annotated[str, Field(strict=True, max_length=64)] | None
)


class Objects(JSON[Any]):
    """A codec: JSON, where what is none becomes the error that says so. Lines show where the next object begins."""

    def decode(self, payload: bytes) -> Any:
        """Read an object, or whatever else came."""
        try:
            return super().decode(payload)
        except RemoteProtocolError as error:
            return error


def read_id(message: Any) -> Id:
    """The id of a request; ``None`` for none.

    :raises ChatError: if it is not what an id can be.
    """
    try:
        return _ID.validate_python(message.get("id")) if isinstance(message, dict) else None
    except ValidationError:
        raise ChatError("id: expected a whole number of 64 bits or a string of at most 64 characters") from None


def read(message: Any) -> Request:
    """The request that an object is, whatever its id.

    :raises ChatError: if it is none; says what was expected.
    """
    if isinstance(message, RemoteProtocolError):
        raise ChatError(str(message))
    if not isinstance(message, dict):
        raise ChatError(f"expected an object, found {message!r:.40}")
    name = message.get("type")
    if not isinstance(name, str) or name not in REQUESTS:
        raise ChatError(f"type: expected {', '.join(REQUESTS)}; found {name!r:.40}")
    try:
        return REQUESTS[name].model_validate({key: one for key, one in message.items() if key not in {"type", "id"}})
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)]
        raise ChatError("; ".join(wrong)[:REASON_SIZE]) from None


def plain(one: Event | Answer) -> dict[str, Any]:
    """As JSON has it, with what it is in front."""
    return {"type": one.type, **asdict(one)}


def obeyed(message: Any, hub: Hub, member: Member) -> dict[str, Any]:
    """Do what a member's message asks for, and return what that is answered."""
    number: Id = None
    try:
        number = read_id(message)
        answer = read(message).perform(hub, member)
    except ChatError as refusal:
        answer = Refused(str(refusal))
    return plain(answer) if number is None else {**plain(answer), "id": number}


class ObjectSpeaker(Speaker[Any]):
    """A program."""

    def encode(self, message: Any) -> bytes:
        # The cap of the framing is for what comes in. What goes out is as large as the hub's limits allow, which may
        # have been raised since this connection was made.
        return self.wire.codec.encode(message) + b"\n"

    def express(self, event: Event) -> Any:
        return plain(event)

    def answer(self, answer: Answer) -> None:
        self.send(plain(answer))

    def obey(self, message: Any) -> None:
        self.send(obeyed(message, self.wire.hub, self.member))
