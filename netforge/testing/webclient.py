"""A client for web applications on the simulated network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from netforge.protocols.http import Application, HTTPFactory

if TYPE_CHECKING:
    from netforge.testing.network import Network

__all__ = ["WebAnswer", "WebClient"]


class WebAnswer:
    """What was answered.

    :ivar status: such as 200.
    :ivar body: bytes.
    """

    def __init__(self, response: Any, body: bytes) -> None:
        self._headers = response.headers
        self.status: int = response.code
        self.body = body

    def header(self, name: str) -> str | None:
        """The value of a field, its lines joined by commas; ``None`` without one."""
        values = self._headers.getRawHeaders(name)
        return None if values is None else ", ".join(values)

    @property
    def text(self) -> str:
        """The body as text in UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class WebClient:
    """Serves an application on a machine of its own, and asks it what a test wants to know. Keeps cookies.

    :param network: on which both are.
    :param application: such as a ``netforge.web.Site``.
    :param host: the name of its machine.
    :ivar cookies: those that it keeps, as ``http.cookiejar`` does.
    """

    def __init__(self, network: Network, application: Application, host: str = "web.example") -> None:
        from treq.client import HTTPClient  # noqa: PLC0415  takes its time, and pytest's plugin imports this package
        from treq.cookies import IndexableCookieJar  # noqa: PLC0415  likewise
        from twisted.web.client import Agent  # noqa: PLC0415  likewise

        server = network.machine(host).reactor
        server.listenTCP(80, HTTPFactory(application, server))
        self._network = network
        self._base = f"http://{host}"
        self._browser = network.machine("browser").reactor
        self.cookies = IndexableCookieJar()
        self._client = HTTPClient(Agent(self._browser), self.cookies)

    def request(self, method: str, path: str, **options: Any) -> WebAnswer:
        """Ask, and run the network until all of the answer is there.

        :param path: with the query.
        :param options: those of treq: ``headers``, ``json``, ``data``, ``files``; redirects are not followed unless
            ``allow_redirects`` says so.
        """
        options.setdefault("allow_redirects", False)

        async def ask() -> WebAnswer:
            response = await self._client.request(method, self._base + path, **options)
            return WebAnswer(response, await response.content())

        # By the network's time, which cookies go by too.
        asking: Deferred[WebAnswer] = Deferred()
        self._browser.callLater(0, lambda: Deferred.fromCoroutine(ask()).chainDeferred(asking))
        return self._network.run_until(asking)

    def get(self, path: str, **options: Any) -> WebAnswer:
        """As :meth:`request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> WebAnswer:
        """As :meth:`request`."""
        return self.request("POST", path, **options)
