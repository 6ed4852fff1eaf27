"""A site: routes, and what answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from inspect import isawaitable, iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar

from netforge.protocols.http import Application, Exchange, HTTPError, path_of
from netforge.protocols.websocket import accept, is_websocket, offered
from netforge.web.crossorigin import SAFE, check_origin, checked_origins
from netforge.web.files import Assets
from netforge.web.handlers import Handler
from netforge.web.request import MOST_BODY, Request
from netforge.web.responses import send
from netforge.web.routing import Match, Pattern, Router
from netforge.web.sessions import SessionStore

__all__ = ["Route", "Site"]

#: In place of a method: a WebSocket.
SOCKET = "WEBSOCKET"

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Answers an exchange, given the values of the places in its path.
Answer = Callable[[Exchange, dict[str, Any]], Awaitable[None] | None]


class Route:
    """A handler at its place.

    :param most: the most bytes of a body.
    :ivar handler: what is called.
    :ivar answer: calls it and says what it returns.
    """

    def __init__(self, site: Site, method: str, pattern: Pattern, function: Callable[..., Any], most: int) -> None:
        self.method = method
        self.pattern = pattern
        self.handler = Handler(function, {name: place.type for name, place in pattern.places.items()})
        self._site = site
        self._most = most
        simple = not self.handler.parameters and method in SAFE
        self.answer: Answer = self._answer_simply() if simple else self._answer
        if (method == SOCKET) is not (len(self.handler.sockets) == 1):
            raise TypeError(
                f"{pattern.text}: what answers a WebSocket, and nothing else, has one parameter of that type"
            )

    def _answer_simply(self) -> Answer:
        """For handlers that need nothing of the request, which costs little then."""
        function, text = self.handler.function, self.pattern.text
        if iscoroutinefunction(function):

            async def answer_later(exchange: Exchange, values: dict[str, Any]) -> None:
                exchange.route = text
                sending = send(exchange, await function())
                if sending is not None:
                    await sending

            return answer_later

        def answer(exchange: Exchange, values: dict[str, Any]) -> Awaitable[None] | None:
            exchange.route = text
            result = function()
            return _send_later(exchange, result) if isawaitable(result) else send(exchange, result)

        return answer

    async def _answer(self, exchange: Exchange, values: dict[str, Any]) -> None:
        exchange.route = self.pattern.text
        check_origin(exchange, self._site.trusted_origins)
        site = self._site
        request = Request(exchange, values, site.sessions, site.login, self._most)
        try:
            try:
                arguments = await self.handler.arguments(request)
                if self.handler.sockets:
                    await self._converse(request, arguments)
                    return
                result = self.handler.function(**arguments)
                if isawaitable(result):
                    result = await result
            except HTTPError:
                await request.prepare()
                raise
            await request.prepare()
            if (sending := send(exchange, result)) is not None:
                await sending
        finally:
            request.close()

    async def _converse(self, request: Request, arguments: dict[str, Any]) -> None:
        """Have a handler speak with a client over a WebSocket."""
        await request.prepare()
        exchange, site = request.exchange, self._site
        known = site.subprotocols.get(self.pattern.text, ())
        subprotocol = next((one for one in offered(exchange.request) if one in known), None)
        # Else those of its own host.
        origins = site.trusted_origins if (request.header("origin") or "").lower() in site.trusted_origins else None
        async with accept(exchange, clock=exchange.clock, subprotocol=subprotocol, origins=origins) as socket:
            await self.handler.function(**arguments, **{self.handler.sockets[0]: socket})


class Site:
    """Pages and an API: an application made of handlers at their routes.

    A handler is a function, plain or one that returns a coroutine or a Deferred, whose parameters say what it needs: a
    place in the path by its name, the :class:`Request`, a body by a model, and else values of the query. What it
    returns is said as :func:`netforge.web.send` tells; it refuses by raising
    :exc:`~netforge.protocols.http.HTTPError`. HEAD and OPTIONS are answered where GET and others are.

    What changes something, by any method but the safe ones, is refused to the pages of other sites.

    :param sessions: where :meth:`Request.session` is kept.
    :param trusted_origins: those that are allowed it, such as ``https://app.example.org``.
    :raises ValueError: if one of them is no origin.
    """

    def __init__(self, *, sessions: SessionStore | None = None, trusted_origins: Iterable[str] = ()) -> None:
        self.sessions = sessions
        #: The path at which people log in; empty if nowhere.
        self.login = ""
        #: What can be spoken in the WebSockets at each path.
        self.subprotocols: dict[str, Sequence[str]] = {}
        self.trusted_origins = checked_origins(trusted_origins)
        self._router = Router()
        self._mounted: list[tuple[str, Application]] = []
        # Whole targets, as most that are asked for stand in requests.
        self._quick: dict[tuple[str, str], Answer] = {}

    def route(self, path: str, *methods: str, most: int = MOST_BODY) -> Callable[[_Function], _Function]:
        """Have a function answer at a path.

        :param path: such as ``/users/{id:int}``; the converters are ``str`` (the default: anything but a slash),
            ``int``, ``float``, ``uuid`` and ``path``. With a slash at its end it is another one than without.
        :param methods: in capitals; GET if there are none.
        :param most: the most bytes of a body that are taken.
        :raises ValueError: if the path is none, or has an answer for one of the methods already.
        :raises TypeError: for a function that has a parameter which no request can give.
        """
        if not isinstance(path, str):
            raise TypeError(f'a route begins with its path: @site.get("/path"), and not {path!r}')
        pattern = self._router.pattern(path)

        def add(function: _Function) -> _Function:
            for method in methods or ("GET",):
                if method != method.upper():
                    raise ValueError(f"a method is in capitals: {method.upper()}")
                if method in pattern.methods:
                    raise ValueError(f"{method} {path} is answered already")
                pattern.methods[method] = route = Route(self, method, pattern, function, most)
                if not pattern.places:
                    self._quick[method, path] = route.answer
            return function

        return add

    def get(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for GET and HEAD."""
        return self.route(path, "GET")

    def post(self, path: str, *, most: int = MOST_BODY) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for POST."""
        return self.route(path, "POST", most=most)

    def put(self, path: str, *, most: int = MOST_BODY) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for PUT."""
        return self.route(path, "PUT", most=most)

    def patch(self, path: str, *, most: int = MOST_BODY) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for PATCH."""
        return self.route(path, "PATCH", most=most)

    def delete(self, path: str, *, most: int = MOST_BODY) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for DELETE."""
        return self.route(path, "DELETE", most=most)

    def websocket(self, path: str, *subprotocols: str) -> Callable[[_Function], _Function]:
        """Have a coroutine function speak with who connects at a path, and close the WebSocket at its end.

        One of its parameters is the :class:`~netforge.protocols.websocket.WebSocket`. Pages of other sites may not
        connect, save those of trusted origins.

        :param subprotocols: what can be spoken; that which the client likes best is agreed on.
        :raises ValueError: as :meth:`route`.
        :raises TypeError: as :meth:`route`.
        """
        self.subprotocols[path] = subprotocols
        return self.route(path, SOCKET)

    def mount(self, path: str, application: Application) -> None:
        """Leave everything below a path to another application, such as another site. Routes of its own go before.

        :param path: ``/`` for everything.
        :raises ValueError: if the path does not begin with a slash, or ends with one, or something is mounted there.
        """
        path = "" if path == "/" else path
        if (path and not path.startswith("/")) or path.endswith("/"):
            raise ValueError(f"{path!r}: where something is mounted begins with a slash and does not end with one")
        if path in dict(self._mounted):
            raise ValueError(f"at {path or '/'} something is mounted already")
        self._mounted.append((path, application))
        self._mounted.sort(key=lambda mounted: -len(mounted[0]))

    def assets(self, path: str, folder: str | Path, *, max_age: int = 0) -> None:
        """Serve the files of a folder below a path: see :class:`Assets`.

        :raises ValueError: as :meth:`mount`, and if there is no such folder.
        """
        self.mount(path, Assets(folder, max_age=max_age))

    @property
    def routes(self) -> list[Route]:
        """All, in the order of their being added."""
        return [route for pattern in self._router.patterns for route in pattern.methods.values()]

    def __call__(self, exchange: Exchange) -> Awaitable[object] | None:
        """Answer a request."""
        if not exchange.mount:
            request = exchange.request
            answer = self._quick.get((request.method, request.target))
            if answer is not None and not request.upgrade:
                return answer(exchange, {})
        return self._find(exchange)

    def _find(self, exchange: Exchange) -> Awaitable[object] | None:
        path = path_of(exchange.request.target)[len(exchange.mount) :] or "/"
        method = exchange.request.method
        if exchange.request.upgrade and is_websocket(exchange.request):
            method = SOCKET
        found = self._router.find(path)
        if found is not None:
            route = _route(found, method)
            return (
                route.answer(exchange, found.values) if route is not None else self._find_other(exchange, path, method)
            )
        for mount, application in self._mounted:
            if path == mount or path.startswith(mount + "/"):
                exchange.mount += mount
                return application(exchange)
        raise HTTPError(404, f"there is nothing at {path}")

    def _find_other(self, exchange: Exchange, path: str, method: str) -> Awaitable[object] | None:
        """Answer where the first route that leads to a path does not know the method."""
        known: set[str] = set()
        for found in self._router.matches(path):
            if (route := _route(found, method)) is not None:
                return route.answer(exchange, found.values)
            known |= found.pattern.methods.keys()
        if method == "GET" and SOCKET in known:
            raise HTTPError(426, "a WebSocket is here", [(b"upgrade", b"websocket"), (b"connection", b"upgrade")])
        known = (known | {"OPTIONS", *(["HEAD"] if "GET" in known else [])}) - {SOCKET}
        allow = [(b"allow", ", ".join(sorted(known)).encode())]
        if method == "OPTIONS":
            exchange.respond(204, allow)
            return None
        raise HTTPError(405, f"{path} is not there for {method}", allow)


def _route(found: Match, method: str) -> Route | None:
    methods: dict[str, Route] = found.pattern.methods
    return methods.get("GET" if method == "HEAD" and "HEAD" not in methods else method)


async def _send_later(exchange: Exchange, result: Awaitable[Any]) -> None:
    sending = send(exchange, await result)
    if sending is not None:
        await sending
