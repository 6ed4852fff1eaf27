"""What comes from a client or a server: requests or responses, in pieces."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["END", "Data", "End", "Event", "Headers", "Request", "Response", "ResponseEvent"]

#: Fields in their order: names in lower case, values without whitespace around them (RFC 9110, section 5).
Headers = list[tuple[bytes, bytes]]


# Not frozen: a frozen instance takes three times as long to make, and there is one for each request.
@dataclass(slots=True)
class Request:
    """The head of a request. If it has a body, that follows as :class:`Data`, and then :class:`End`.

    :param method: in capitals, such as ``GET``.
    :param target: as it stands in the request: ``/path?query`` (origin form), ``http://host/path`` (absolute form),
        ``host:port`` (CONNECT) or ``*`` (OPTIONS). ASCII (RFC 9112, section 3.2).
    :param authority: host and port that are asked for, from the target or from Host; empty if HTTP/1.0 named none.
    :param headers: the fields.
    :param version: ``1.0``, ``1.1`` or ``2``.
    :param keep_alive: whether the client would send more on this connection.
    :param upgrade: the protocols that it offers to switch to, in lower case: the value of Upgrade (RFC 9110, section
        7.8); ``tunnel`` for CONNECT; empty if none.
    :param has_body: whether any :class:`Data` is to come.
    :param expects: whether it waits for ``100 Continue`` before it sends the body (RFC 9110, section 10.1.1).
    """

    method: str
    target: str
    authority: str
    headers: Headers
    version: str
    keep_alive: bool = True
    upgrade: str = ""
    has_body: bool = False
    expects: bool = False

    def header(self, name: bytes) -> bytes | None:
        """The value of a field, its lines joined by commas (RFC 9110, section 5.3); ``None`` without one.

        :param name: in lower case.
        """
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None


@dataclass(slots=True)
class Response:
    """The head of a response. Unless it is an interim one, the body follows as :class:`Data`, and then :class:`End`.

    :param status: 100 to 999; 100 to 199 but 101 are interim.
    :param headers: the fields.
    :param version: ``1.0`` or ``1.1``.
    :param keep_alive: whether the server would answer more on this connection.
    :param has_body: whether any :class:`Data` may come.
    """

    status: int
    headers: Headers
    version: str = "1.1"
    keep_alive: bool = True
    has_body: bool = False

    def header(self, name: bytes) -> bytes | None:
        """The value of a field, as :meth:`Request.header`."""
        values = [value for key, value in self.headers if key == name]
        return b", ".join(values) if values else None


@dataclass(slots=True)
class Data:
    """A piece of the body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The body is complete.

    :param trailers: the fields after the body (RFC 9110, section 6.5).
    """

    trailers: Headers = field(default_factory=list)


#: The end of a body without trailers, as nearly all are.
END = End()

Event = Request | Data | End
ResponseEvent = Response | Data | End
