"""Sites of files: a folder as it is (RFC 9110)."""

from netforge.services.web.static.settings import StaticSettings
from netforge.services.web.static.site import StaticFiles, host_static

__all__ = ["StaticFiles", "StaticSettings", "host_static"]
