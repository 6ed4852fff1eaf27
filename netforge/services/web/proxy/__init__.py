"""A reverse proxy in front of servers over TCP, TLS and UNIX sockets."""

from netforge.services.web.proxy.addresses import UpstreamAddress, parse_upstream
from netforge.services.web.proxy.application import ProxyApplication
from netforge.services.web.proxy.checks import HealthCheck
from netforge.services.web.proxy.fields import Forwarding
from netforge.services.web.proxy.hosting import host_proxy
from netforge.services.web.proxy.pool import Pool
from netforge.services.web.proxy.settings import CheckSettings, ProxySettings, ProxyTLSSettings
from netforge.services.web.proxy.upstream import Limits, Upstream

__all__ = [
    "CheckSettings",
    "Forwarding",
    "HealthCheck",
    "Limits",
    "Pool",
    "ProxyApplication",
    "ProxySettings",
    "ProxyTLSSettings",
    "Upstream",
    "UpstreamAddress",
    "host_proxy",
    "parse_upstream",
]
