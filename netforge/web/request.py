"""A request, as handlers see it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from pydantic_core import from_json
from twisted.internet.interfaces import ISSLTransport

from netforge.plugin import Connection
from netforge.protocols.http import Exchange, Headers, HTTPError, path_of, raw_target
from netforge.web.forms import Form, read_form
from netforge.web.sessions import Session, SessionStore
from netforge.web.users import IN_SESSION, User

__all__ = ["Request"]

#: The most bytes of a body that is read as a whole, or of a form, unless a route says otherwise.
MOST_BODY = 10 * 1024 * 1024

#: What a cookie can be called, and what it can hold (RFC 6265, section 4.1.1).
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
#: What stands in a path as it is (RFC 3986, section 3.3), save what could end a cookie's attribute.
_IN_PATH = "/!$&'()*+,=:@~"


class Request:
    """A request.

    :param most: the most bytes of its body that are taken, unless :meth:`body`, :meth:`json` or :meth:`form` are told
        otherwise.
    :ivar exchange: what is beneath: everything that is not here is there.
    :ivar values: those of the places in the path.
    """

    def __init__(
        self,
        exchange: Exchange,
        values: Mapping[str, Any] | None = None,
        sessions: SessionStore | None = None,
        login: str = "",
        most: int = MOST_BODY,
    ) -> None:
        self.exchange = exchange
        self._sessions = sessions
        self._login = login
        self._most = most
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

    def link(self, path: str, **query: object) -> str:
        """A path of the site as links and :class:`Redirect` have it: after what the site is mounted at, and encoded.

        :param path: with a slash at its beginning, decoded.
        :param query: values by name; several of a name as a list.
        :raises ValueError: if the path does not begin with one slash: browsers would take two for another host.
        """
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"{path!r}: a path begins with a slash, and with only one")
        link = quote(self.exchange.mount + path, safe=_IN_PATH)
        return f"{link}?{urlencode(query, doseq=True, safe='/')}" if query else link

    async def body(self, most: int | None = None) -> bytes:
        """All of the body.

        :param most: the most bytes that are taken.
        :raises HTTPError: with status 413, if there are more.
        :raises RuntimeError: if it has been read as a form.
        """
        if self._body is None:
            if self._form is not None:
                raise RuntimeError("the body has been read as a form already")
            self._body = await self.exchange.body(self._most if most is None else most)
        return self._body

    async def json(self, most: int | None = None) -> Any:
        """The body as JSON (RFC 8259).

        :raises HTTPError: with status 400 if it is none, and as :meth:`body`.
        """
        try:
            return from_json(await self.body(most), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPError(400, f"the body is no JSON: {error}") from None

    async def form(self, most: int | None = None) -> Form:
        """The form in the body. Its files are gone once the handler has answered.

        :param most: the most bytes that are taken.
        :raises HTTPError: with status 400, 413 or 415, if it cannot be read, is too large or is no form.
        :raises RuntimeError: if the body has been read as a whole.
        """
        if self._form is None:
            if self._body is not None:
                raise RuntimeError("the body has been read as a whole already, and not as a form")
            self._form = await read_form(self.exchange, self._most if most is None else most)
        return self._form

    def close(self) -> None:
        """Let go of the files that came with it."""
        if self._form is not None:
            self._form.close()

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
            # What depends on a visitor is nobody else's, a refusal too.
            self.exchange.decorate(_personal, pure=True)
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
            to = self.link(self._login, next=self.exchange.request.target)
            raise HTTPError(303, "log in first", [(b"location", to.encode())])
        raise HTTPError(401, "log in first")

    async def _keep_session(self) -> None:
        store, session = self._sessions, self._session
        assert store is not None
        assert session is not None
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
        :param same_site: ``Strict``, ``Lax`` or ``None``.
        :param http_only: whether scripts of the page cannot read it.
        :raises ValueError: if one of these cannot be said: a value has neither spaces nor quotes, commas, semicolons,
            backslashes or anything beyond ASCII. :func:`urllib.parse.quote` makes one of any text.
        """
        if not _COOKIE_NAME.fullmatch(name) or not _COOKIE_VALUE.fullmatch(value):
            raise ValueError(f"{name}={value!r} is no cookie: quote() of urllib.parse makes a value of any text")
        if same_site not in ("Strict", "Lax", "None"):
            raise ValueError(f"same_site is Strict, Lax or None, and not {same_site!r}")
        path = quote(self.exchange.mount + "/" if path is None else path, safe=_IN_PATH)
        line = f"{name}={value}; Path={path}; SameSite={same_site}"
        line += "" if max_age is None else f"; Max-Age={max_age}"
        line += "; HttpOnly" * http_only + "; Secure" * self.secure
        field = b"set-cookie", line.encode("ascii")
        self.exchange.decorate(lambda status, fields: fields.append(field))

    @property
    def secure(self) -> bool:
        """Whether it came over TLS."""
        transport = self.exchange.transport
        return Connection.of(transport).tls is not None or ISSLTransport.providedBy(transport)

    def before_response(self, call: Callable[[], Awaitable[object] | None]) -> None:
        """Have something done once the handler has returned and before anything is said, such as saving a session."""
        self._before.append(call)

    async def prepare(self) -> None:
        """Do what :meth:`before_response` was told, once."""
        calls, self._before = self._before, []
        for call in calls:
            if (result := call()) is not None:
                await result


def _personal(status: int, fields: Headers) -> None:
    fields.append((b"vary", b"cookie"))
    if not any(name.lower() == b"cache-control" for name, _ in fields):
        fields.append((b"cache-control", b"private, no-cache"))
