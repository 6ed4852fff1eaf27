"""Logging in on a page, with an account of the host."""

from __future__ import annotations

from math import ceil
from typing import Annotated

from netforge.plugin import AccountsUnavailable, Connection, IAccounts, LoginRefused, PasswordLogin, TooManyFailures
from netforge.web.parameters import Query
from netforge.web.request import Request
from netforge.web.responses import HTML, Redirect
from netforge.web.site import Site
from netforge.web.templates import Templates
from netforge.web.users import IN_SESSION

__all__ = ["add_logins"]

_PAGES = Templates("netforge.web:pages")
#: The most bytes of the form.
MOST = 64 * 1024


def add_logins(site: Site, accounts: IAccounts, *, scope: str, title: str = "Log in") -> None:
    """Have people log in at ``/login`` and out at ``/logout`` of a site, which must keep sessions.

    Who is refused a page for want of a login is sent there, and back afterwards.

    :param accounts: those that may.
    :param scope: what a login is for, as :meth:`~netforge.plugin.IAccounts.authenticate` has it.
    :param title: of the page.
    :raises ValueError: if the site keeps no sessions.
    """
    if site.sessions is None:
        raise ValueError("who has logged in is kept in a session: make the site as Site(sessions=...)")
    site.login = "/login"

    @site.get("/login")
    def page(next: Annotated[str, Query()] = "/") -> HTML:  # noqa: A002  as forms call it
        """Ask for name and password."""
        return _page(title, next)

    @site.post("/login", most=MOST)
    async def log_in(request: Request) -> HTML | Redirect:
        """Take them."""
        form = await request.form()
        name, back = form.get("name"), form.get("next", "/")
        connection = Connection.of(request.exchange.transport)
        login = PasswordLogin(name, form.get("password"))
        try:
            identity = await accounts.authenticate(login, connection.peer, scope=scope, connection=connection.id)
        except TooManyFailures as error:
            wait = ceil(error.wait)
            page = _page(title, back, name, f"There were too many failures. Try again in {wait} s.", 429)
            page.fields += ((b"retry-after", b"%d" % wait),)
            return page
        except LoginRefused:
            return _page(title, back, name, "That is not the name and password of an account.", 401)
        except AccountsUnavailable:
            return _page(title, back, name, "Nobody can log in just now. Try again later.", 503)
        session = await request.session()
        session.renew()
        session[IN_SESSION] = {"name": identity.name, "groups": sorted(identity.groups)}
        return Redirect(_local(back, request))

    @site.post("/logout")
    async def log_out(request: Request) -> Redirect:
        """Forget everything of the visitor."""
        (await request.session()).clear()
        return Redirect(request.link("/"))


def _page(title: str, back: str, name: str = "", problem: str = "", status: int = 200) -> HTML:
    return _PAGES.page("login.html", status=status, title=title, back=back, name=name, problem=problem)


def _local(back: str, request: Request) -> str:
    """A path of this site. Anything else would let others lead people astray."""
    if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isascii() and back.isprintable():
        return back
    return request.link("/")
