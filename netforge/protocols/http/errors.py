"""What clients do wrong, with the status that tells them, and what goes wrong with servers."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from netforge.protocols.errors import RemoteProtocolError

__all__ = ["PLAIN", "BadRequest", "BadResponse", "HTTPError", "NoResponse", "ResponseCut", "ResponseTimeout"]

#: The fields of an error in words.
PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]


class BadRequest(RemoteProtocolError):  # noqa: N818  the status's name
    """A request that cannot be served, and after which nothing on the connection can be trusted.

    :param message: what was wrong.
    :param status: what is answered.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        body = f"{status.value} {status.phrase}: {message}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        super().__init__(message, head.encode() + body)
        self.status = status


class HTTPError(Exception):
    """What an application may raise in place of a response.

    :param status: 300 to 599.
    :param message: what was wrong, for whoever asked.
    :param fields: more of them for the response, such as Allow, or Location.
    """

    def __init__(self, status: int, message: str = "", fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.message = message
        self.fields = [*PLAIN, *fields]

    @property
    def text(self) -> str:
        """Status and message in a line."""
        return f"{self.status.value} {self.status.phrase}{': ' * bool(self.message)}{self.message}\n"


class BadResponse(RemoteProtocolError):  # noqa: N818  as BadRequest
    """What a server sent is no response, or could be read in two ways. Nothing on the connection can be trusted."""


class NoResponse(ConnectionError):  # noqa: N818  says what happened
    """The connection ended before any of the response came: what is idempotent may be tried again (RFC 9110, 9.2.2)."""


class ResponseCut(ConnectionError):  # noqa: N818  likewise
    """The connection ended in the middle of the response."""


class ResponseTimeout(TimeoutError):  # noqa: N818  likewise
    """The server was silent for too long."""
