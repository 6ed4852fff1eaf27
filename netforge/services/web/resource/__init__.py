"""Resources of ``twisted.web``, and so Klein applications."""

from netforge.services.web.resource.application import ResourceApplication
from netforge.services.web.resource.hosting import ResourceSettings, host_resource

__all__ = ["ResourceApplication", "ResourceSettings", "host_resource"]
