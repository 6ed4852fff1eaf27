"""Applications of Tornado's, with their WebSocket handlers."""

from netforge.services.web.tornado.application import TornadoApplication
from netforge.services.web.tornado.hosting import host_tornado
from netforge.services.web.tornado.settings import TornadoSettings

__all__ = ["TornadoApplication", "TornadoSettings", "host_tornado"]
