"""The page, its files, and the WebSocket that it opens."""

from __future__ import annotations

from pathlib import Path

from netforge.protocols.http import raw_target
from netforge.protocols.websocket import WebSocket
from netforge.services.chat.browser.visitors import Visitors
from netforge.web import Assets, File, Redirect, Request, Site

__all__ = ["chat_site"]

HERE = Path(__file__).parent

#: Nothing but our own files, and no text that becomes HTML: the page shows what strangers say.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)


def chat_site(visitors: Visitors, unsent: int) -> Site:
    """The chat in the browser, an application to be mounted anywhere.

    :param unsent: see :meth:`Visitors.receive`.
    """
    site = Site()
    page = File(HERE / "page.html", fields=[(b"cache-control", b"no-cache"), (b"content-security-policy", POLICY)])

    @site.get("/")
    def show(request: Request) -> File | Redirect:
        """Show the page."""
        path, _ = raw_target(request.exchange.request.target)
        # What the page asks for counts from its folder.
        return page if path.endswith("/") else Redirect(f"{path}/")

    @site.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        """Speak with the page, or with any other client."""
        await visitors.receive(socket, unsent)

    site.mount("/files", Assets(HERE / "files"))
    return site
