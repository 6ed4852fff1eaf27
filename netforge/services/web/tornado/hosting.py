"""A Tornado application as a site."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context, Task
from netforge.services.web.hosted import Hosted
from netforge.services.web.modules import load
from netforge.services.web.tornado.application import TornadoApplication, check_loop
from netforge.services.web.tornado.settings import TornadoSettings

__all__ = ["host_tornado"]


def host_tornado(settings: TornadoSettings, context: Context) -> Hosted:
    """Serve an application. It is imported when the service starts.

    :raises ImportError: if Tornado is not installed; from the start, if the application cannot be found.
    :raises NotImplementedError: from the start, if the reactor has no asyncio loop; says which to choose.
    """
    reactor, loop = context.reactor, context.loop
    not_imported: Any = None
    application = TornadoApplication(not_imported, loop, max_body=settings.max_body)

    async def start() -> None:
        check_loop(loop)
        # In a thread, since importing takes long; but whatever a function makes may belong to the loop.
        name = settings.app.removesuffix("()")
        found = await deferToThreadPool(reactor, reactor.getThreadPool(), load, name, settings.folder)
        application.app = found if name == settings.app else found()

    return Hosted(application, [Task(start, _nothing, f"the start of {settings.app}")])


def _nothing() -> None:
    """Tornado has no word for the end of an application."""
