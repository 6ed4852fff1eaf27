"""Error pages: for people, for programs, or the operator's own."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from pathlib import Path

from pydantic import field_validator

from netforge.plugin import Field
from netforge.protocols.http import Application, Exchange, Fields, Headers, HTTPError, Request, WrappedExchange
from netforge.services.web.around.accept import best
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.shorthand import Short

__all__ = ["ErrorPages", "ErrorSettings"]

HTML, PROBLEM, TEXT = "text/html", "application/problem+json", "text/plain"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} {phrase}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ display: grid; place-items: center; min-height: 90vh; margin: 0 1.5rem; font: 1.1rem/1.5 system-ui }}
main {{ max-width: 32rem; overflow-wrap: anywhere }}
h1 {{ margin: 0; font-size: 1.6rem }}
h1 small {{ display: block; font-size: 4rem; line-height: 1; font-weight: 200; opacity: .6 }}
</style>
<main>
<h1><small>{status}</small> {phrase}</h1>
<p>{message}</p>
</main>
</html>
"""

#: What is said where nobody said what was wrong.
SAID = {
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.UNAUTHORIZED: "You have to log in first.",
    HTTPStatus.FORBIDDEN: "You may not see this.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here. It has been noted.",
}


class ErrorSettings(Short):
    """Error pages."""

    pages: bool = Field(
        True, description="whether there are pages in HTML, problem details in JSON or plain text, as the client likes"
    )
    files: dict[str, Path] = Field(
        {},
        description="pages of your own: files by status, such as 404, or by its first digit, such as 5xx. They also "
        "take the place of what applications answer with that status",
        watch=True,
    )

    @field_validator("files")
    @classmethod
    def _are_for_errors(cls, files: dict[str, Path]) -> dict[str, Path]:
        for status in files:
            if not re.fullmatch("[45](?:[0-9]{2}|xx)", status):
                raise ValueError(f"expected a status from 400 to 599, 4xx or 5xx, found {status!r}")
        return files


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the operator's own.

    :param kind: its type.
    """

    kind: bytes
    body: bytes

    @classmethod
    def read(cls, path: Path) -> Page:
        """Read it from a file. Its name tells the type.

        :raises OSError: if that cannot be read.
        """
        kind = mimetypes.guess_type(path.name)[0] or TEXT
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        return cls(f"{kind}{charset}".encode(), path.read_bytes())


class ErrorPages:
    """Makes pages of errors.

    :param pages: whether there are such as are made here.
    :param own: the operator's, by status, or by its first digit and ``xx``.
    """

    def __init__(self, own: Mapping[str, Page], *, pages: bool = True) -> None:
        self._own = own
        self._pages = pages

    @classmethod
    def of(cls, settings: ErrorSettings, premises: Premises) -> Layer | None:
        """The layer, where there are any pages."""
        if not (settings.pages or settings.files):
            return None
        return cls({key: Page.read(path) for key, path in settings.files.items()}, pages=settings.pages).around

    def around(self, application: Application) -> Application:
        """Have pages of what goes wrong, and of what an application answers with errors where the operator has some."""

        def paged(exchange: Exchange) -> Awaitable[object] | None:
            exchange.error_page = self.page
            return application(ReplacedExchange(exchange, self) if self._own else exchange)

        return paged

    def own(self, status: int) -> Page | None:
        """The operator's page for a status."""
        return self._own.get(str(status)) or self._own.get(f"{status // 100}xx")

    def page(self, request: Request, error: HTTPError) -> tuple[Headers, bytes]:
        """The fields and the body of a page."""
        page = self.own(error.status) or self._made(error, (request.header(b"accept") or b"").decode("latin-1"))
        fields = [field for field in error.fields if field[0].lower() != b"content-type"]
        return [*fields, (b"content-type", page.kind), (b"vary", b"accept")], page.body

    def _made(self, error: HTTPError, accept: str) -> Page:
        """A page in one of the forms that the client takes.

        :param accept: the types that it likes, as it says.
        """
        status, message = error.status, error.message
        match best([TEXT, HTML, PROBLEM, "application/json"], accept) if self._pages else TEXT:
            case "text/html":
                message = _sentence(message) or SAID.get(status, "")
                html = PAGE.format(status=status.value, phrase=escape(status.phrase), message=escape(message))
                return Page(b"text/html; charset=utf-8", html.encode())
            case "text/plain":
                return Page(b"text/plain; charset=utf-8", error.text.encode())
            case _:
                # RFC 9457, section 3.1.
                problem = {"title": status.phrase, "status": status, **({"detail": message} if message else {})}
                return Page(PROBLEM.encode(), json.dumps(problem).encode() + b"\n")


class ReplacedExchange(WrappedExchange):
    """Says the operator's pages in place of what an application answers with their statuses."""

    def __init__(self, inner: Exchange, pages: ErrorPages) -> None:
        super().__init__(inner)
        self._made_by = pages
        self._replaced = False

    def respond(self, status: int, headers: Fields = (), body: bytes = b"") -> None:
        page = self._made_by.own(status)
        if page is None:
            super().respond(status, headers, body)
        else:
            super().respond(status, [*_without_body(headers), (b"content-type", page.kind)], page.body)

    def begin(self, status: int, headers: Fields = ()) -> None:
        self._replaced = self._made_by.own(status) is not None
        if self._replaced:
            self.respond(status, headers)
        else:
            super().begin(status, headers)

    def write(self, data: bytes) -> None:
        if not self._replaced:
            super().write(data)

    def end(self, trailers: Fields = ()) -> None:
        if not self._replaced:
            super().end(trailers)


def _without_body(headers: Fields) -> list[tuple[bytes, bytes]]:
    """The fields that are not about the body that is replaced."""
    return [field for field in headers if not field[0].lower().startswith(b"content-") and field[0].lower() != b"etag"]


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}." if message else ""
