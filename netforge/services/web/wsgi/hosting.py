"""A WSGI application as a site."""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context, Task
from netforge.services.web.hosted import Hosted
from netforge.services.web.modules import load
from netforge.services.web.wsgi.application import WSGIApplication
from netforge.services.web.wsgi.settings import WSGISettings

__all__ = ["host_wsgi"]


def host_wsgi(settings: WSGISettings, context: Context) -> Hosted:
    """Serve an application. It is imported when the service starts.

    :raises ImportError: from the start, if it cannot be found; and whatever importing it raises.
    """
    reactor = context.reactor
    application = WSGIApplication(_not_started, reactor, threads=settings.threads, waiting=settings.waiting)

    async def start() -> None:
        # In a thread, since importing takes long, and Django wants no asyncio loop where it asks a database.
        pool = reactor.getThreadPool()
        application.app = await deferToThreadPool(reactor, pool, load, settings.app, settings.folder)
        application.start()

    return Hosted(application, [Task(start, application.stop, f"the threads of {settings.app}")])


def _not_started(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("the application has not been imported yet")
