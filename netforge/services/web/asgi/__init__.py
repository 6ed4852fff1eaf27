"""ASGI applications, such as those of Starlette, FastAPI, Quart and Django."""

from netforge.services.web.asgi.application import ASGIApplication
from netforge.services.web.asgi.hosting import host_asgi
from netforge.services.web.asgi.messages import ClientDisconnected
from netforge.services.web.asgi.settings import ASGISettings

__all__ = ["ASGIApplication", "ASGISettings", "ClientDisconnected", "host_asgi"]
