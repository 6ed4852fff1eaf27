"""Sites by host name and path: files, applications, proxies, redirects."""

from netforge.services.web.hosted import Hosted
from netforge.services.web.service import web
from netforge.services.web.settings import WebSettings

__all__ = ["Hosted", "WebSettings", "web"]
