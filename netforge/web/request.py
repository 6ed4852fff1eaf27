"""A request, as handlers see it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote

from twisted.internet.interfaces import ISSLTransport

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, Headers, HTTPError, path_of, raw_target
from netforge.web.forms import Form, read_form
from netforge.web.sessions import Session, SessionStore
from netforge.web.users import IN_SESSION, User

__all__ = ["Request"]

#: The most bytes of a body that is read as a whole.
MOST_BODY = 10 * 1024 * 1024


class Request:
    """A request.

    :ivar exchange: what is beneath: everything that is not here is there.
    :ivar values: those of the places in the path.
    """

    def __init__(
        self,
        exchange: Exchange,
        values: Mapping[str, Any] | None = None,
        sessions: SessionStore | None = None,
        login: str = "",
    ) -> None:
        self.exchange = exchange
        self._sessions = sessions
        self._login = login
        self._session: Session | None = None
        self.values = values or {}
        self._before: list[Callable[[], Awaitable[object] | None]] = []
        self._body: bytes | None = None
        self._form: Form | None = None

    @property
    def method(self) -> str:
        """In capitals."""
        return self.exchange.request.method

    @property
    def path(self) -> str:
        """Decoded, below what the site is mounted at."""
        return path_of(self.exchange.request.target)[len(self.exchange.mount) :] or "/"

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Names and values, in their order.

        :raises HTTPError: with status 400, if it is no UTF-8.
        """
        _, query = raw_target(self.exchange.request.target)
        try:
            return parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=1000)
        except ValueError as error:
            raise HTTPError(400, f"the query cannot be read: {error}") from None

    def header(self, name: str) -> str | None:
        """The value of a field, its lines joined by commas; ``None`` without one.

        :param name: in any case.
        """
        value = self.exchange.request.header(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Those that the client has sent (RFC 6265). What cannot be read as a cookie is as if it were not there."""
        cookies: dict[str, str] = {}
        for part in (self.header("cookie") or "").split(";"):
            name, equals, value = part.strip().partition("=")
            if equals:
                cookies.setdefault(name, value.strip('"'))
        return cookies

    async def body(self, most: int = MOST_BODY) -> bytes:
        """All of the body.

        :param most: the most bytes that are taken.
        :raises HTTPError: with status 413, if there are more.
        """
        if self._body is None:
            self._body = await self.exchange.body(most)
        return self._body

    async def json(self, most: int = MOST_BODY) -> Any:
        """The body as JSON.

        :raises HTTPError: with status 400 if it is none, and as :meth:`body`.
        """
        try:
            return json.loads(await self.body(most))
        except ValueError as error:
            raise HTTPError(400, f"the body is no JSON: {error}") from None

    async def form(self, most: int = MOST_BODY) -> Form:
        """The form in the body.

        :param most: the most bytes that are taken.
        :raises HTTPError: with status 400, 413 or 415, if it cannot be read, is too large or is no form.
        """
        if self._form is None:
            self._form = await read_form(self.exchange, most)
        return self._form

    async def session(self) -> Session:
        """What the site remembers of this visitor. What is changed in it is kept before the response is said.

        :raises RuntimeError: if the site keeps no sessions.
        """
        store = self._sessions
        if store is None:
            raise RuntimeError("the site keeps no sessions: make it as Site(sessions=...)")
        if self._session is None:
            self._session = await store.load(self.cookies.get(store.cookie, ""), self.exchange.clock.seconds())
            self.before_response(self._keep_session)
        return self._session

    async def user(self) -> User | None:
        """Who has logged in; ``None`` if nobody has.

        :raises RuntimeError: as :meth:`session`.
        """
        known = (await self.session()).get(IN_SESSION)
        if known is None:
            return None
        self.exchange.user = known["name"]
        return User(known["name"], frozenset(known["groups"]))

    async def need_user(self) -> User:
        """Who has logged in.

        :raises HTTPError: if nobody has: with status 303 to where one can, for a page, and else 401.
        :raises RuntimeError: as :meth:`session`.
        """
        user = await self.user()
        if user is not None:
            return user
        if self._login and self.method == "GET" and "text/html" in (self.header("accept") or ""):
            back = quote(self.exchange.request.target, safe="/")
            to = f"{self.exchange.mount}{self._login}?next={back}"
            raise HTTPError(303, "log in first", [(b"location", to.encode())])
        raise HTTPError(401, "log in first")

    async def _keep_session(self) -> None:
        store, session = self._sessions, self._session
        assert store is not None
        assert session is not None
        # What depends on a visitor is nobody else's.
        self.exchange.decorate(_vary, pure=True)
        if session.changed:
            value = await store.save(session, self.exchange.clock.seconds())
            self.set_cookie(store.cookie, value, max_age=store.lifetime if value else 0)

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        path: str | None = None,
        same_site: str = "Lax",
        http_only: bool = True,
    ) -> None:
        """Have the client keep a cookie, or with an age of 0 forget it (RFC 6265). Over TLS it is Secure.

        :param max_age: seconds; ``None`` until the browser is closed.
        :param path: where the client sends it; where the site is mounted if ``None``.
        :raises ValueError: if the name or the value cannot be said.
        """
        morsel: SimpleCookie = SimpleCookie()
        try:
            morsel[name] = value
        except CookieError as error:
            raise ValueError(str(error)) from None
        morsel[name]["path"] = path if path is not None else self.exchange.mount + "/"
        morsel[name]["samesite"] = same_site
        if max_age is not None:
            morsel[name]["max-age"] = max_age
        if http_only:
            morsel[name]["httponly"] = True
        if self.secure:
            morsel[name]["secure"] = True
        line = morsel[name].OutputString().encode("ascii")
        self.exchange.decorate(lambda status, fields: fields.append((b"set-cookie", line)))

    @property
    def secure(self) -> bool:
        """Whether it came over TLS."""
        transport = self.exchange.transport
        return Connection.of(transport).tls is not None or ISSLTransport.providedBy(transport)

    def before_response(self, call: Callable[[], Awaitable[object] | None]) -> None:
        """Have something done once the handler has returned and before anything is said, such as saving a session."""
        self._before.append(call)

    async def prepare(self) -> None:
        """Do what :meth:`before_response` was told."""
        for call in self._before:
            if (result := call()) is not None:
                await result


def _vary(status: int, fields: Headers) -> None:
    fields.append((b"vary", b"cookie"))
