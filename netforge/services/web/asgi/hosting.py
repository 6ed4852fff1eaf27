"""An ASGI application as a site."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Context, Task
from netforge.services.web.asgi.application import ASGIApplication
from netforge.services.web.asgi.settings import ASGISettings
from netforge.services.web.hosted import Hosted
from netforge.services.web.modules import load

__all__ = ["host_asgi"]


def host_asgi(settings: ASGISettings, context: Context) -> Hosted:
    """Serve an application. It is imported when the service starts.

    :raises ImportError: from the start, if it cannot be found; and whatever importing it raises.
    :raises RuntimeError: from the start, if it cannot start, with the reason that it gives.
    """
    reactor = context.reactor
    application = ASGIApplication(
        _not_started, context.loop, context.clock, lifespan=settings.lifespan, origins=settings.origins
    )

    async def start() -> None:
        # In a thread, since importing takes long; but whatever a function makes may belong to the loop.
        name = settings.app.removesuffix("()")
        found = await deferToThreadPool(reactor, reactor.getThreadPool(), load, name, settings.folder)
        application.app = found if name == settings.app else found()
        await application.start()

    return Hosted(application, [Task(start, application.stop, f"the lifespan of {settings.app}")])


async def _not_started(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the application has not been imported yet")
