"""A reverse proxy as an application: requests go to a pool of upstreams, and responses come back."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from netforge.protocols.errors import LocalProtocolError
from netforge.protocols.http import (
    BadResponse,
    Exchange,
    Headers,
    HTTPClientProtocol,
    HTTPError,
    NoResponse,
    OutgoingExchange,
    Response,
    ResponseCut,
    ResponseTimeout,
    path_of,
    raw_target,
)
from netforge.services.web.proxy.fields import Forwarding, response_fields, trailer_fields
from netforge.services.web.proxy.pool import NoUpstream, Pool
from netforge.services.web.proxy.tunnel import open_tunnel
from netforge.services.web.proxy.upstream import Unreachable, Upstream

__all__ = ["ProxyApplication"]

log = Logger()

#: Methods that do no more when they are done twice (RFC 9110, section 9.2.2).
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
#: Protocols that nobody may switch to through a proxy: within them it would see no requests.
NOT_PASSED = ("h2", "http", "tls")
#: What stands unencoded in a path.
IN_PATHS = "/:@!$&'()*+,;=~"

#: What goes wrong with an upstream.
FAULTS = (NoResponse, ResponseCut, ResponseTimeout, BadResponse)


@dataclass(slots=True)
class _Asked:
    """A request as upstreams are to see it."""

    method: str
    target: str
    length: int | None
    upgrade: str
    prefix: str
    repeatable: bool

    def __init__(self, exchange: Exchange, *, strip: bool) -> None:
        request = exchange.request
        self.method = request.method
        self.prefix = exchange.mount if strip else ""
        self.target = _target(request.target, self.prefix)
        if request.method == "CONNECT":
            # A WebSocket over HTTP/2 (RFC 8441): upstreams see it as over HTTP/1.1.
            if request.upgrade != "websocket":
                raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, "this is no proxy for tunnels")
            self.method, self.length, self.upgrade, self.repeatable = "GET", 0, request.upgrade, True
            return
        length = request.header(b"content-length")
        self.length = 0 if not request.has_body else None if length is None else int(length)
        self.upgrade = "" if request.upgrade.startswith(NOT_PASSED) else request.upgrade
        self.repeatable = self.length == 0 and request.method in IDEMPOTENT


class ProxyApplication:
    """Passes requests on to a pool of upstreams.

    What upstreams get is said anew from what was understood of a request, and so are the responses of theirs.

    :param pool: the upstreams.
    :param clock: where the time comes from.
    :param forwarding: what they are told besides.
    :param keep_host: whether Host is what the client asked for; otherwise it is the upstream's name.
    :param strip: whether the path below which this is mounted is taken from the beginning of paths.
    :param retries: how often a request is tried again at another upstream. That is done as long as nothing was sent of
        it, and for an idempotent one without a body also if nothing came back.
    :param quiet: seconds that a connection may be silent after it has switched protocols.
    """

    def __init__(
        self,
        pool: Pool,
        clock: IReactorTime,
        forwarding: Forwarding | None = None,
        *,
        keep_host: bool = True,
        strip: bool = False,
        retries: int = 2,
        quiet: float = 3600.0,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._forwarding = forwarding or Forwarding()
        self._keep_host = keep_host
        self._strip = strip
        self._retries = retries
        self._quiet = quiet

    def __call__(self, exchange: Exchange) -> None:
        asked = _Asked(exchange, strip=self._strip)
        passing = Deferred.fromCoroutine(self._pass(exchange, asked))
        if not passing.called:
            exchange.when_lost(lambda reason: passing.cancel())
        passing.addErrback(self._failed, exchange)

    async def _pass(self, exchange: Exchange, asked: _Asked) -> None:
        tried: list[Upstream] = []
        fault: Exception | None = None
        for _ in range(self._retries + 1):
            try:
                upstream, connection, used = await self._pool.lease(tried, fresh=fault is not None)
            except NoUpstream as error:
                if fault is None:
                    raise _unavailable(exchange, error) from None
                break
            except Unreachable as error:
                _warn(exchange, error)
                fault = error
                continue
            try:
                await self._try(exchange, asked, upstream, connection)
            except FAULTS as error:
                _warn(exchange, error, upstream)
                fault = error
                nothing_came = isinstance(error, NoResponse)
                if used and nothing_came:
                    # The server closed it just then, which says nothing of its health.
                    tried.remove(upstream)
                else:
                    upstream.failed(error)
                if not (nothing_came and asked.repeatable):
                    break
            else:
                return
        raise _gateway_failed(fault)

    async def _try(self, exchange: Exchange, asked: _Asked, upstream: Upstream, connection: HTTPClientProtocol) -> None:
        """Have one upstream answer, and give the connection to it back."""
        give_back = partial(self._pool.give_back, upstream, connection)
        try:
            outgoing = self._ask(exchange, asked, upstream, connection)
        except LocalProtocolError as error:
            give_back()
            raise HTTPError(HTTPStatus.BAD_REQUEST, str(error)) from None
        upload = Deferred.fromCoroutine(_upload(exchange, outgoing)) if asked.length != 0 else None
        switched = False
        try:
            response = await outgoing.response()
            fields = response_fields(response, self._forwarding.via)
            if response.status == HTTPStatus.SWITCHING_PROTOCOLS:
                if exchange.request.method == "CONNECT":
                    fields = [field for field in fields if field[0] != b"sec-websocket-accept"]
                else:
                    fields += [(b"connection", b"upgrade"), (b"upgrade", response.header(b"upgrade") or b"")]
                open_tunnel(exchange, outgoing, fields, self._clock, self._quiet, give_back)
                switched = True
            else:
                await _relay(exchange, response, outgoing, fields)
            upstream.succeeded()
        finally:
            if upload is not None:
                upload.cancel()
            if not switched:
                outgoing.abort()
                give_back()

    def _ask(
        self, exchange: Exchange, asked: _Asked, upstream: Upstream, connection: HTTPClientProtocol
    ) -> OutgoingExchange:
        request = exchange.request
        host = request.authority.encode() if self._keep_host and request.authority else upstream.authority
        fields = self._forwarding.fields(exchange, host, asked.prefix)
        if request.method == "CONNECT":
            fields.append((b"sec-websocket-key", b64encode(self._pool.random.randbytes(16))))
        return connection.begin(
            asked.method,
            asked.target,
            fields,
            asked.length,
            upgrade=asked.upgrade,
            informed=partial(_inform, exchange),
        )

    def _failed(self, failure: Failure, exchange: Exchange) -> None:
        """Answer for what came of a request."""
        if exchange.lost and isinstance(failure.value, CancelledError | ConnectionError):
            return
        if exchange.started and isinstance(failure.value, HTTPError):
            # It is in the log already.
            exchange.abort()
        else:
            exchange.fail(failure)


async def _relay(exchange: Exchange, response: Response, outgoing: OutgoingExchange, fields: Headers) -> None:
    """Pass a response on as it comes, no faster than the client takes it."""
    # The length of a body that HEAD does not show is not known to be 0.
    body = outgoing.whole() if exchange.request.method != "HEAD" else None
    if body is not None:
        exchange.respond(response.status, fields, body)
        return
    exchange.begin(response.status, fields)
    while piece := await outgoing.read():
        exchange.write(piece)
        await exchange.ready()
    exchange.end(trailer_fields(outgoing.trailers))


async def _upload(exchange: Exchange, outgoing: OutgoingExchange) -> None:
    """Pass the body of a request on as it comes, no faster than the upstream takes it."""
    try:
        while piece := await exchange.read():
            outgoing.write(piece)
            await outgoing.ready()
        outgoing.end(trailer_fields(exchange.trailers))
    except CancelledError:
        # The response is complete, or there is none.
        return
    except ConnectionError as error:
        outgoing.abort(error)
    except LocalProtocolError as error:
        outgoing.abort(HTTPError(HTTPStatus.BAD_REQUEST, str(error)))


def _inform(exchange: Exchange, response: Response) -> None:
    """Pass an interim response on. ``100 Continue`` is the server's own affair: it says so when the body is read."""
    if response.status != HTTPStatus.CONTINUE and not exchange.started:
        exchange.inform(response.status, response_fields(response, b""))


def _target(target: str, prefix: str) -> str:
    """The target of the request to an upstream, in origin form (RFC 9112, section 3.2.1)."""
    if target == "*" or (not prefix and target.startswith("/")):
        return target
    path, query = raw_target(target)
    # The prefix may be there in other words, such as %61 for a.
    after = path[len(prefix) :] if path.startswith(prefix) else quote(path_of(target)[len(prefix) :], safe=IN_PATHS)
    path = after or "/"
    return f"{path}?{query}" if query else path


def _warn(exchange: Exchange, error: Exception, upstream: Upstream | None = None) -> None:
    request = exchange.request
    log.warn(
        "{method} {target} failed{at}: {error}",
        method=request.method,
        target=request.target,
        at=f" at the upstream {upstream.name}" if upstream else "",
        error=str(error) or type(error).__name__,
    )


def _unavailable(exchange: Exchange, error: NoUpstream) -> HTTPError:
    _warn(exchange, error)
    return HTTPError(HTTPStatus.SERVICE_UNAVAILABLE, "no server has room for this now", [(b"retry-after", b"1")])


def _gateway_failed(fault: Exception | None) -> HTTPError:
    if isinstance(fault, ResponseTimeout) or (isinstance(fault, Unreachable) and fault.late):
        return HTTPError(HTTPStatus.GATEWAY_TIMEOUT, "the server behind this one took too long")
    return HTTPError(HTTPStatus.BAD_GATEWAY, "the server behind this one failed")
