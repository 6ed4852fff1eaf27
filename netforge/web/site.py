"""A site: routes, and what answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from inspect import isawaitable, iscoroutinefunction
from typing import Any, TypeVar

from netforge.protocols.http import Application, Exchange, HTTPError, path_of
from netforge.protocols.websocket import accept, is_websocket, offered
from netforge.web.crossorigin import SAFE, check_origin
from netforge.web.handlers import Handler
from netforge.web.request import Request
from netforge.web.responses import send
from netforge.web.routing import Pattern, Router
from netforge.web.sessions import SessionStore

__all__ = ["Route", "Site"]

#: In place of a method: a WebSocket.
SOCKET = "WEBSOCKET"

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Answers an exchange, given the values of the places in its path.
Answer = Callable[[Exchange, dict[str, Any]], Awaitable[None] | None]


class Route:
    """A handler at its place.

    :ivar handler: what is called.
    :ivar answer: calls it and says what it returns.
    """

    def __init__(self, site: Site, method: str, pattern: Pattern, function: Callable[..., Any]) -> None:
        self.method = method
        self.pattern = pattern
        self.handler = Handler(function, {name: place.type for name, place in pattern.places.items()})
        self._site = site
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
        request = Request(exchange, values, site.sessions, site.login)
        arguments = await self.handler.arguments(request)
        if self.handler.sockets:
            await self._converse(request, arguments)
            return
        result = self.handler.function(**arguments)
        if isawaitable(result):
            result = await result
        await request.prepare()
        if (sending := send(exchange, result)) is not None:
            await sending

    async def _converse(self, request: Request, arguments: dict[str, Any]) -> None:
        """Have a handler speak with a client over a WebSocket."""
        await request.prepare()
        exchange, site = request.exchange, self._site
        own = f"{'https' if request.secure else 'http'}://{exchange.request.authority}"
        known = site.subprotocols.get(self.pattern.text, ())
        subprotocol = next((one for one in offered(exchange.request) if one in known), None)
        origins = {own, *site.trusted_origins} if site.trusted_origins else None
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
    """

    def __init__(self, *, sessions: SessionStore | None = None, trusted_origins: Iterable[str] = ()) -> None:
        self.sessions = sessions
        #: The path at which people log in; empty if nowhere.
        self.login = ""
        #: What can be spoken in the WebSockets at each path.
        self.subprotocols: dict[str, Sequence[str]] = {}
        self.trusted_origins = frozenset(trusted_origins)
        self._router = Router()
        self._mounted: list[tuple[str, Application]] = []
        # Whole targets, as most that are asked for stand in requests.
        self._quick: dict[tuple[str, str], Answer] = {}

    def route(self, path: str, *methods: str) -> Callable[[_Function], _Function]:
        """Have a function answer at a path.

        :param path: such as ``/users/{id:int}``; the converters are ``str`` (the default: anything but a slash),
            ``int``, ``float``, ``uuid`` and ``path``.
        :param methods: in capitals.
        :raises ValueError: if the path is none, or has an answer for one of the methods already.
        """
        pattern = self._router.pattern(path)

        def add(function: _Function) -> _Function:
            for method in methods:
                if method in pattern.methods:
                    raise ValueError(f"{method} {path} is answered already")
                pattern.methods[method] = route = Route(self, method, pattern, function)
                if not pattern.places:
                    self._quick[method, path] = route.answer
            return function

        return add

    def get(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for GET and HEAD."""
        return self.route(path, "GET")

    def post(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for POST."""
        return self.route(path, "POST")

    def put(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for PUT."""
        return self.route(path, "PUT")

    def patch(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for PATCH."""
        return self.route(path, "PATCH")

    def delete(self, path: str) -> Callable[[_Function], _Function]:
        """As :meth:`route`, for DELETE."""
        return self.route(path, "DELETE")

    def websocket(self, path: str, *subprotocols: str) -> Callable[[_Function], _Function]:
        """Have a coroutine function speak with who connects at a path, and close the WebSocket at its end.

        One of its parameters is the :class:`~netforge.protocols.websocket.WebSocket`. Pages of other sites may not
        connect, save those of trusted origins.

        :param subprotocols: what can be spoken; that which the client likes best is agreed on.
        :raises ValueError: as :meth:`route`.
        """
        self.subprotocols[path] = subprotocols
        return self.route(path, SOCKET)

    def mount(self, path: str, application: Application) -> None:
        """Leave everything below a path to another application, such as another site. Routes of its own go before.

        :raises ValueError: if the path does not begin with a slash, or ends with one.
        """
        if not path.startswith("/") or path.endswith("/"):
            raise ValueError(f"{path!r}: where something is mounted begins with a slash and does not end with one")
        self._mounted.append((path, application))
        self._mounted.sort(key=lambda mounted: -len(mounted[0]))

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
        if found is None:
            for mount, application in self._mounted:
                if path == mount or path.startswith(mount + "/"):
                    exchange.mount += mount
                    return application(exchange)
            raise HTTPError(404, f"there is nothing at {path}")
        methods = found.pattern.methods
        route = methods.get("GET" if method == "HEAD" and "HEAD" not in methods else method)
        if route is not None:
            answer: Answer = route.answer
            return answer(exchange, found.values)
        if method == "GET" and SOCKET in methods:
            raise HTTPError(426, "a WebSocket is here", [(b"upgrade", b"websocket"), (b"connection", b"upgrade")])
        known = {*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])} - {SOCKET}
        allowed = ", ".join(sorted(known)).encode()
        if method == "OPTIONS":
            exchange.respond(204, [(b"allow", allowed)])
            return None
        raise HTTPError(405, f"{path} is not there for {method}", [(b"allow", allowed)])


async def _send_later(exchange: Exchange, result: Awaitable[Any]) -> None:
    sending = send(exchange, await result)
    if sending is not None:
        await sending
