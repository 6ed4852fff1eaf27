"""Wiring of the web: from settings to one application behind every listener."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netforge.plugin import Context, IAccounts, IMetrics, Parts, Stream, Task, service
from netforge.protocols.http import Application
from netforge.services.web.around.layer import Premises
from netforge.services.web.around.order import AroundSettings, layers, put_around
from netforge.services.web.hosts import Hosts, unknown_host
from netforge.services.web.places import Places, nothing_here
from netforge.services.web.serving import Generations, WebFactory
from netforge.services.web.settings import SiteSettings, WebSettings

__all__ = ["needs", "web"]

LAB = """
[services.web]
listen = ["tcp:127.0.0.1:7080", { address = "tcp:127.0.0.1:7483", tls = true }]

[services.web.sites.lab.at."/"]
respond = { type = "text/html", text = "<!doctype html><title>netforge</title><a href='/chat/'>The chat</a>\\n" }

[services.web.sites.lab.at."/chat"]
service = "chat"

[services.web.sites.lab.at."/old"]
redirect = { to = "/", rest = true }
"""

EXAMPLE = """
[services.web]
listen = ["tcp:8080", { address = "tcp:8443", tls = true }]

[services.web.sites.main]
hosts = ["example.org", "*.example.org"]
https = "redirect"
hsts = 31536000

[services.web.sites.main.at."/"]
respond = { text = "<h1>Welcome</h1>", type = "text/html" }

[services.web.sites.main.at."/status"]
respond = "ok"
auth = { realm = "staff", groups = ["staff"] }
log = false
"""


def needs(settings: WebSettings) -> Sequence[Any]:
    """The shared components that the sites use."""
    found: list[Any] = []
    if any(settings.values_of("metrics")):
        found.append(IMetrics)
    if any(auth is not None and auth.passwords for auth in settings.values_of("auth")):
        found.append(IAccounts)
    for site in settings.sites.values():
        for place in site.at.values():
            kind, served = place.served
            found += kind.needs(served)
    return list(dict.fromkeys(found))


# How long clients may take, HTTP itself knows better than a listener's limits.
@service(
    "web",
    WebSettings,
    needs=needs,
    listener={"limits": {"greeting": 0, "idle": 0}},
    lab=LAB,
    examples=[EXAMPLE],
)
def web(settings: WebSettings, context: Context) -> Parts:
    """One application behind every listener."""
    sites: dict[str, Application] = {}
    unknown = put_around(unknown_host, layers(AroundSettings(metrics=False), Premises(context, "-")))
    for name, site in settings.sites.items():
        tasks, application = _site(site, Premises(context, name, settings.https_port))
        yield from tasks
        sites |= dict.fromkeys(site.hosts, application)
        if not site.hosts:
            unknown = application
    generations = context.keep("generations", Generations)
    factory = WebFactory(
        Hosts(sites, unknown) if sites else unknown,
        context.reactor,
        generations,
        idle=settings.idle or None,
        max_head=settings.head,
    )
    for listen in settings.listen:
        scheme = "https" if listen.keys.get("tls") else "http"
        yield Stream(listen, factory, protocol=scheme, try_it=f"curl -k {scheme}://{{host}}:{{port}}/")


def _site(settings: SiteSettings, premises: Premises) -> tuple[Sequence[Task], Application]:
    """The application of one site, and what runs beside it. One place alone costs no look at paths."""
    tasks: list[Task] = []
    inherited = layers(settings, premises)
    places: dict[str, Application] = {}
    for path, place in settings.at.items():
        kind, served = place.served
        hosted = kind.host(served, premises.context)
        tasks += hosted.tasks
        around = layers(place, premises, {**inherited, "timeout": None} if kind.patient else inherited)
        places[path] = put_around(hosted.application, around)
    if places.keys() == {""}:
        return tasks, places[""]
    return tasks, Places(places, put_around(nothing_here, inherited))
