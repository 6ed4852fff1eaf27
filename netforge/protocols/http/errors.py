"""What clients do wrong, with the status that tells them."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from netforge.protocols.errors import RemoteProtocolError

__all__ = ["PLAIN", "BadRequest", "HTTPError"]

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

    :param status: 400 to 599.
    :param message: what was wrong, for whoever asked.
    :param fields: more of them for the response, such as Allow.
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
