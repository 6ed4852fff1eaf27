"""From settings to a proxy."""

from __future__ import annotations

from functools import partial

from netforge.plugin import Context, Task
from netforge.services.web.hosted import Hosted
from netforge.services.web.proxy.addresses import parse_upstream
from netforge.services.web.proxy.application import ProxyApplication
from netforge.services.web.proxy.checks import HealthCheck
from netforge.services.web.proxy.fields import Forwarding
from netforge.services.web.proxy.pool import Pool
from netforge.services.web.proxy.secure import proof_of
from netforge.services.web.proxy.settings import ProxySettings
from netforge.services.web.proxy.upstream import Limits, Upstream

__all__ = ["host_proxy"]


def host_proxy(settings: ProxySettings, context: Context) -> Hosted:
    """A reverse proxy.

    :raises ValueError: if the file of authorities holds no certificates.
    :raises OSError: if it cannot be read.
    """
    clock = context.clock
    limits = Limits(
        connections=settings.connections,
        connect=settings.connect,
        first=settings.first,
        between=settings.between,
        idle=settings.idle,
        failures=settings.failures,
        rest=settings.rest,
    )
    upstreams = []
    for address in map(parse_upstream, settings.to):
        tls = proof_of(settings.tls.name or address.host, settings.tls.authority) if address.tls else None
        endpoint = address.endpoint(context.reactor, tls)
        authority, secure = address.authority, address.tls
        upstreams.append(Upstream(str(address), endpoint, clock, limits, authority=authority, secure=secure))
    pool = Pool(upstreams, clock, context.random, queue=settings.queue, patience=settings.patience)
    application = ProxyApplication(
        pool,
        clock,
        Forwarding(settings.trusted, settings.via),
        keep_host=settings.host == "client",
        strip=settings.strip,
        retries=settings.retries,
        quiet=settings.quiet,
    )
    tasks = [Task(lambda: None, pool.close, "proxy")]
    if (check := settings.check) is not None:
        make = partial(HealthCheck, interval=check.interval, timeout=check.timeout, rise=check.rise, fall=check.fall)
        checks = [make(upstream, clock, check.path) for upstream in upstreams]
        tasks += [Task(one.start, one.stop, "health check") for one in checks]
    return Hosted(application, tasks)
