"""Sessions: what a site remembers of a visitor from one request to the next, found again by a cookie."""

from __future__ import annotations

import hashlib
import hmac
import json
from abc import ABC, abstractmethod
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, MutableMapping, Sequence
from random import Random, SystemRandom
from typing import Any

from netforge.plugin import ISessions

__all__ = ["Session", "SessionStore", "SignedCookies", "StoredSessions"]

#: The most characters of a cookie's value. Browsers keep 4096 bytes, with its name and attributes (RFC 6265, section
#: 6.1).
MOST_COOKIE = 3800
#: Bytes of a key, at least.
KEY = 32


class Session(MutableMapping[str, Any]):
    """Values by name: whatever JSON can say.

    :param content: an object in JSON.
    :param key: by which its store knows it; empty if it does not yet.
    :ivar renewed: whether it shall have another key.
    """

    def __init__(self, content: bytes = b"{}", key: str = "") -> None:
        self._content = content
        self._values: dict[str, Any] = json.loads(content)
        self.key = key
        self.renewed = False

    def renew(self) -> None:
        """Have it known by another key from now on, as is due when somebody logs in: who knew the old one knows nothing
        of the new.
        """
        self.renewed = True

    @property
    def changed(self) -> bool:
        """Whether it has to be kept anew."""
        return self.renewed or self.to_json() != self._content

    def to_json(self) -> bytes:
        """Its values.

        :raises TypeError: if JSON cannot say one of them.
        """
        return json.dumps(self._values, separators=(",", ":")).encode()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class SessionStore(ABC):
    """Where sessions are kept.

    :param cookie: the name of the cookie.
    :param lifetime: seconds that a session lasts after it was changed last.
    """

    def __init__(self, *, cookie: str = "session", lifetime: int = 14 * 86400) -> None:
        self.cookie = cookie
        self.lifetime = lifetime

    @abstractmethod
    async def load(self, value: str, now: float) -> Session:
        """The session of a cookie; an empty one if there is none, or none any more.

        :param now: seconds since 1970.
        """

    @abstractmethod
    async def save(self, session: Session, now: float) -> str:
        """Keep a session. Returns the value for the cookie; empty if that is to be forgotten.

        :raises ValueError: if it is too large.
        """


class SignedCookies(SessionStore):
    """The cookie itself holds the session: its visitor can read it but not change it. Nothing is kept on this side, so
    it cannot be taken back before its time either: who has a copy of the cookie still has it after a logout.

    :param keys: secrets of at least 32 bytes; the first signs, all are believed. Sites that share one need cookies of
        different names.
    :raises ValueError: if a key is too short.
    """

    def __init__(self, *keys: bytes, cookie: str = "session", lifetime: int = 14 * 86400) -> None:
        super().__init__(cookie=cookie, lifetime=lifetime)
        if not keys or min(map(len, keys)) < KEY:
            raise ValueError(
                f"a key to sign sessions with has at least {KEY} bytes: secrets.token_bytes({KEY}) makes one"
            )
        self._keys: Sequence[bytes] = keys

    async def load(self, value: str, now: float) -> Session:
        """See :meth:`SessionStore.load`."""
        content, _, signature = value.encode("latin-1", "replace").rpartition(b".")
        if not any(hmac.compare_digest(signature, self._sign(key, content)) for key in self._keys):
            return Session()
        ends, _, values = urlsafe_b64decode(content + b"==").partition(b" ")
        return Session(values) if now < int(ends) else Session()

    async def save(self, session: Session, now: float) -> str:
        """See :meth:`SessionStore.save`."""
        if not session:
            return ""
        content = urlsafe_b64encode(b"%d %b" % (now + self.lifetime, session.to_json())).rstrip(b"=")
        value = (content + b"." + self._sign(self._keys[0], content)).decode("ascii")
        if len(value) > MOST_COOKIE:
            raise ValueError(f"the session does not fit into a cookie: {len(value)} bytes, and {MOST_COOKIE} do")
        return value

    def _sign(self, key: bytes, content: bytes) -> bytes:
        # With the cookie's name, so that no cookie passes for another.
        message = self.cookie.encode() + b"=" + content
        return urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=")


class StoredSessions(SessionStore):
    """The cookie is a random key to a session that is kept on this side. Of two requests that change it at the same
    time, the one that is answered last prevails.

    :param sessions: where.
    :param name: of the site: its sessions are told from others' by it.
    :param random: makes the keys, such as ``context.random``.
    """

    def __init__(
        self,
        sessions: ISessions,
        name: str,
        *,
        cookie: str = "session",
        lifetime: int = 14 * 86400,
        random: Random | None = None,
    ) -> None:
        super().__init__(cookie=cookie, lifetime=lifetime)
        self._sessions = sessions
        self._name = name
        self._random = random or SystemRandom()

    async def load(self, value: str, now: float) -> Session:
        """See :meth:`SessionStore.load`."""
        if not value:
            return Session()
        found = await self._sessions.get(self._key(value))
        return Session() if found is None else Session(found, value)

    async def save(self, session: Session, now: float) -> str:
        """See :meth:`SessionStore.save`."""
        if session.key and (session.renewed or not session):
            await self._sessions.delete(self._key(session.key))
        if not session:
            return ""
        if (
            session.key
            and not session.renewed
            and not await self._sessions.touch(self._key(session.key), self.lifetime)
        ):
            # Another request has ended it meanwhile, such as by logging out: so it stays.
            return ""
        if session.renewed or not session.key:
            session.key, session.renewed = self._random.randbytes(KEY).hex(), False
        await self._sessions.put(self._key(session.key), session.to_json(), self.lifetime)
        return session.key

    def _key(self, value: str) -> str:
        # Not the value itself: who reads the store cannot take anybody's place.
        return f"{self._name}:{hashlib.sha256(value.encode()).hexdigest()}"
