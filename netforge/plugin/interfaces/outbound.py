"""Requests to servers elsewhere, by HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

__all__ = [
    "IOutbound",
    "IReply",
    "OutboundBusy",
    "OutboundFailed",
    "OutboundRefused",
    "OutboundStage",
    "OutboundTimeout",
    "OutboundTimeouts",
    "OutboundTooLarge",
]

#: How far a request has come: it waits for a free connection, looks up a name, connects, asks a proxy for a tunnel,
#: agrees on TLS, is sent, waits for the head of the response, and reads its body.
OutboundStage = Literal["queue", "name", "connect", "proxy", "tls", "send", "response", "body"]


class OutboundFailed(ConnectionError):  # noqa: N818  says what happened
    """There is no response, or not all of it.

    :ivar stage: how far it had come.
    """

    def __init__(self, message: str, stage: OutboundStage) -> None:
        super().__init__(message)
        self.stage = stage


class OutboundTimeout(OutboundFailed):
    """A stage took too long, or all of them together."""


class OutboundBusy(OutboundFailed):
    """Too many requests wait for a connection to that server already."""


class OutboundRefused(OutboundFailed):
    """The URL came from somebody who is not trusted, and leads to where such a request must not go."""


class OutboundTooLarge(OutboundFailed):
    """The body of the response is larger than it may be."""


@dataclass(frozen=True, slots=True)
class OutboundTimeouts:
    """How long each stage may take, in seconds; ``None`` for ever.

    :param queue: waiting for a free connection.
    :param name: looking up a name.
    :param connect: connecting to one of its addresses.
    :param proxy: asking a proxy for a tunnel.
    :param tls: agreeing on TLS.
    :param send: sending each piece of the request.
    :param response: from the end of the request until the whole head of the response is there.
    :param body: waiting for each piece of the body.
    :param total: everything, with all redirects and repetitions, to the end of the body.
    """

    queue: float | None = 30
    name: float | None = 10
    connect: float | None = 10
    proxy: float | None = 10
    tls: float | None = 10
    send: float | None = 30
    response: float | None = 60
    body: float | None = 60
    total: float | None = None


class IReply(Interface):
    """A response whose head is there.

    Its body is to be read to the end, or closed; that of a reply that nobody holds any more is closed.
    """

    status: int = Attribute("its status, such as 200")
    reason: str = Attribute("what the server calls that; may be empty")
    version: str = Attribute('such as "HTTP/1.1"')
    headers: Sequence[tuple[str, str]] = Attribute(
        "its fields in their order, the names in lower case; bytes that are not ASCII are as Latin-1 has them"
    )
    url: str = Attribute("where it came from, after all redirects")
    length: int | None = Attribute("how many bytes the body has as it is sent, if that is known")
    timing: Mapping[OutboundStage, float] = Attribute("the seconds that each stage of the last request took so far")

    def header(name: str, default: str = "") -> str:
        """The value of a field; of several, all of them with commas between (RFC 9110, section 5.3)."""

    def read() -> Deferred[bytes]:
        """The next piece of the body, decoded; none at its end. What is not read makes the server wait.

        :raises OutboundFailed: through the Deferred, if the rest does not come, or cannot be decoded;
            :exc:`OutboundTimeout` and :exc:`OutboundTooLarge` too.
        :raises RuntimeError: if the last piece has not come yet.
        """

    def body(most: int) -> Deferred[bytes]:
        """All of the body, or all that is left of it.

        :param most: the most bytes that are taken.
        :raises OutboundTooLarge: through the Deferred, if there are more. The reply is closed then.
        :raises OutboundFailed: as :meth:`read`.
        """

    def text(most: int) -> Deferred[str]:
        """The body as a text, by the charset that it names, or UTF-8; what is not of that becomes U+FFFD."""

    def json(most: int) -> Deferred[Any]:
        """What the body means as JSON.

        :raises ValueError: through the Deferred, if it is none.
        """

    def close() -> None:
        """Take no more of it. May be called twice, and after the end, when it does nothing."""


class IOutbound(Interface):
    """An HTTP client. Everything in a host that makes requests shares its connections."""

    def request(
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Callable[[], Awaitable[bytes]] = b"",
        length: int | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        json: Any = None,
        auth: tuple[str, str] | None = None,
        timeouts: OutboundTimeouts | None = None,
        redirects: int | None = None,
        retries: int | None = None,
        decode: bool = True,
        untrusted: bool = False,
    ) -> Deferred[IReply]:
        """Make a request. The response may have any status.

        A request whose connection cannot be made is repeated; where its method is idempotent (RFC 9110, section
        9.2.2), so is one whose response was lost or is 429, 502, 503 or 504, when ``Retry-After`` says or ever later.

        :param url: ``http://`` or ``https://``. A user and password in it are sent as ``auth`` is.
        :param body: what to send; or what gives the next piece at each call, and none at the end, such as the ``read``
            of an exchange. Such a body is sent once: no redirect or repetition takes it along.
        :param length: how many bytes the latter gives, if that is known.
        :param form: fields to send as a form.
        :param files: by the names of their fields, files to send with the form: a name and the content.
        :param json: what to send as JSON, unless ``None``.
        :param auth: a user's name and password (RFC 7617).
        :param timeouts: other than those of the settings.
        :param redirects: how many to follow at most; what is one too many is the response.
        :param retries: how often to repeat it at most.
        :param decode: whether to ask for a compressed body and decompress it.
        :param untrusted: the URL came from somebody else. It must lead to an address of the public Internet and a port
            of the settings, and so must every redirect; no proxy takes part.
        :raises ValueError: through the Deferred, if this is no request: the URL or a field is not well formed, or the
            certificate's name cannot be known.
        :raises OutboundFailed: through the Deferred, with the stage; :exc:`OutboundTimeout`, :exc:`OutboundBusy` and
            :exc:`OutboundRefused` too.
        """

    def session() -> Any:
        """An :class:`IOutbound` on the same connections that keeps cookies (RFC 6265) of its own."""

    def agent(*, untrusted: bool = False) -> Any:
        """An ``IAgent`` of Twisted's, which gives what the server says: for ``treq.client.HTTPClient`` and others.

        It takes the connections, timeouts, repetitions and the guard from here, and follows no redirects.
        """
