"""What is asked of a server."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from netforge.shared.outbound.retries import IDEMPOTENT
from netforge.shared.outbound.sending import Body
from netforge.shared.outbound.urls import Target, parse

__all__ = ["Ask", "make_ask"]

#: A method, or the name of a field (RFC 9110, section 5.6.2).
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What a field's value cannot hold.
FORBIDDEN = re.compile(r"[\r\n\0]|[^\x00-\xff]")
#: Fields that say how a message is framed.
OURS = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive", "te", "trailer", "upgrade"})


@dataclass(frozen=True, slots=True)
class Ask:
    """A request before it is made.

    :param headers: its fields, with names in lower case.
    :param untrusted: whether the guard looks where it goes.
    """

    method: str
    target: Target
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    untrusted: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether it does no harm to make it twice."""
        return self.method in IDEMPOTENT and (self.body is None or self.body.repeatable)

    def has(self, name: str) -> bool:
        """Whether it has a field."""
        return any(one == name for one, _ in self.headers)

    def without(self, names: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Its fields, but these."""
        return tuple(one for one in self.headers if one[0] not in names)


def make_ask(
    method: str,
    url: str,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
    body: Body | None,
    auth: tuple[str, str] | None,
    *,
    untrusted: bool,
) -> Ask:
    """The request that the arguments describe.

    :raises ValueError: if it is none.
    """
    if not TOKEN.fullmatch(method) or method.upper() == "CONNECT":
        raise ValueError(f"{method!r} is no method that can be asked for")
    target = parse(url)
    given = headers.items() if isinstance(headers, Mapping) else headers
    fields = [(_name(name), _value(name, value)) for name, value in given]
    names = {name for name, _ in fields}
    if auth is not None or target.auth is not None:
        if "authorization" in names:
            raise ValueError("a request has one Authorization: give it as a field, as auth, or in the URL")
        target = replace(target, auth=auth or target.auth)
    if body is not None and body.kind and "content-type" not in names:
        fields.append(("content-type", body.kind))
    return Ask(method.upper(), target, tuple(fields), body, untrusted)


def _name(name: str) -> str:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a field")
    lower = name.lower()
    if lower in OURS:
        raise ValueError(f"the field {name} is the client's own")
    return lower


def _value(name: str, value: str) -> str:
    if FORBIDDEN.search(value):
        raise ValueError(f"the field {name} has a line break or NUL, or what Latin-1 has not")
    return value.strip(" \t")
