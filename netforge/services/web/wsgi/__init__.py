"""WSGI applications (PEP 3333), such as those of Flask and Django."""

from netforge.services.web.wsgi.application import WSGIApplication
from netforge.services.web.wsgi.hosting import host_wsgi
from netforge.services.web.wsgi.settings import WSGISettings

__all__ = ["WSGIApplication", "WSGISettings", "host_wsgi"]
