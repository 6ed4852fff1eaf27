"""What may be said, and what people and rooms may be called."""

from __future__ import annotations

import re

from netforge.services.chat.errors import ChatError

__all__ = ["NICK_SIZE", "ROOM_SIZE", "checked_nick", "checked_room", "checked_text", "folded", "printable"]

#: The most characters of a nick, and of the name of a room.
NICK_SIZE = 20
ROOM_SIZE = 32

# ASCII alone, as on IRC: no two names look alike, and every wire can carry them.
_NICK = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,{NICK_SIZE - 1}}}", re.ASCII)
_ROOM = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{ROOM_SIZE - 1}}}", re.ASCII)

# C0, DEL and C1; what separates lines; marks that turn the direction of text, with which a line can be made to look
# like another; half of a surrogate pair, which has no UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def folded(name: str) -> str:
    """A name as it is compared: the case of its letters does not count."""
    return name.lower()


def checked_nick(name: str) -> str:
    """The name itself.

    :raises ChatError: if nobody can be called so.
    """
    if not _NICK.fullmatch(name):
        raise ChatError(f"A nick is a letter and up to {NICK_SIZE - 1} letters, digits, '-' and '_'.")
    return name


def checked_room(name: str) -> str:
    """The name itself.

    :raises ChatError: if no room can be called so.
    """
    if not _ROOM.fullmatch(name):
        raise ChatError(
            f"The name of a room is a letter or digit and up to {ROOM_SIZE - 1} letters, digits, '.', '-' and '_'."
        )
    return name


def checked_text(text: str, size: int, what: str) -> str:
    """A text as the others get it: :func:`printable`, without blanks at its ends.

    :param size: the most bytes that it may have in UTF-8.
    :param what: what it is, for the error.
    :raises ChatError: if it is too long.
    """
    text = printable(text.strip())
    if (found := len(text.encode())) > size:
        raise ChatError(f"{what} has at most {size} bytes; this one has {found}.")
    return text


def printable(text: str) -> str:
    """The text with a mark (U+FFFD) in place of whatever could command a terminal; a tab becomes a blank."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\t", " "))
