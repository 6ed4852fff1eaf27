"""The client as a shared component."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from netforge.plugin import (
    Context,
    Field,
    ICertificates,
    IMetrics,
    IOutbound,
    Offer,
    OutboundTimeouts,
    Parts,
    Settings,
    Task,
    service,
)
from netforge.shared.outbound.command import HTTP
from netforge.shared.outbound.proxies import Proxies, from_environment, parse_proxy

if TYPE_CHECKING:
    from netforge.shared.outbound.client import Rules
    from netforge.shared.outbound.route import ClientTLS

__all__ = ["OutboundSettings", "TimeoutSettings", "UntrustedSettings", "outbound"]


class TimeoutSettings(Settings):
    """How long a request may take, in seconds."""

    queue: float = Field(30, gt=0, description="seconds to wait for a free connection")
    name: float = Field(10, gt=0, description="seconds to look up a name")
    connect: float = Field(10, gt=0, description="seconds to connect to one of its addresses")
    proxy: float = Field(10, gt=0, description="seconds that a proxy may take to make a tunnel")
    tls: float = Field(10, gt=0, description="seconds to agree on TLS")
    send: float = Field(30, gt=0, description="seconds that the server may take for each piece of a request")
    response: float = Field(60, gt=0, description="seconds from the end of a request to the head of the response")
    body: float = Field(60, gt=0, description="seconds to wait for each piece of a response")
    total: float | None = Field(
        None, gt=0, description="seconds for everything, with redirects and repetitions; for ever if left out"
    )


class UntrustedSettings(Settings):
    """Where requests may go whose URLs come from somebody else, such as a user's webhook."""

    ports: list[int] = Field([80, 443], description="the ports that they may go to")
    permitted: list[IPv4Network | IPv6Network] = Field(
        [], description="networks that they may go to though they are not of the public Internet"
    )


class OutboundSettings(Settings):
    """The HTTP client that everything here shares."""

    connections: int = Field(10, ge=1, le=10_000, description="connections to one server at once")
    queue: int = Field(100, ge=0, description="requests that wait for one of those; more fail at once")
    idle: float = Field(60, gt=0, description="seconds that a connection is kept for the next request")
    redirects: int = Field(10, ge=0, le=50, description="redirects that are followed")
    retries: int = Field(2, ge=0, le=10, description="how often a request is repeated that may be")
    timeouts: TimeoutSettings = Field(default_factory=TimeoutSettings, description="how long each stage may take")
    authority: Path | None = Field(
        None,
        watch=True,
        description="a PEM file of the authorities whose servers are believed; those of the system if left out",
    )
    local_authority: bool = Field(
        False, description="believe the servers of the local authority, too, whose root netforge trust prints"
    )
    proxy: str = Field(
        "",
        description="the proxy for all requests, as http://HOST:PORT, perhaps with USER:PASSWORD@ before the host; "
        "none if empty",
    )
    no_proxy: list[str] = Field(
        [], description="what is reached without it: names, with all that end in them, addresses, and networks"
    )
    environment: bool = Field(
        True, description="without proxy, use those of the environment: http_proxy, https_proxy, all_proxy, no_proxy"
    )
    agent: str = Field("netforge", pattern=r"^[!-~][ -~]*$", description="what it calls itself (User-Agent)")
    untrusted: UntrustedSettings = Field(
        default_factory=UntrustedSettings, description="where requests may go whose URLs are somebody else's"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> OutboundSettings:
        if self.authority is not None and self.local_authority:
            raise ValueError("local_authority and authority exclude each other: add the root to the file instead")
        return self

    @field_validator("proxy")
    @classmethod
    def _is_a_proxy(cls, url: str) -> str:
        if url:
            parse_proxy(url)
        return url


def _needed(settings: OutboundSettings) -> list[Any]:
    return [IMetrics, *([ICertificates] if settings.local_authority else [])]


@service("outbound", OutboundSettings, needs=_needed, offers=[IOutbound], contributes=[HTTP])
def outbound(settings: OutboundSettings, context: Context) -> Parts:
    """One client for all, so that they share connections and limits."""
    # Late: Twisted's client takes its time.
    from netforge.shared.outbound.client import Outbound  # noqa: PLC0415

    made = Outbound(
        context.reactor, _tls(settings, context), context.random, _rules(settings), metrics=context[IMetrics]
    )
    return [Task(lambda: None, made.close, "the connections to elsewhere"), Offer(IOutbound, made)]


def _rules(settings: OutboundSettings) -> Rules:
    from netforge.shared.outbound.client import Rules  # noqa: PLC0415
    from netforge.shared.outbound.guard import Guard  # noqa: PLC0415

    return Rules(
        timeouts=OutboundTimeouts(**settings.timeouts.model_dump()),
        connections=settings.connections,
        queue=settings.queue,
        idle=settings.idle,
        redirects=settings.redirects,
        retries=settings.retries,
        proxies=_proxies(settings),
        guard=Guard(frozenset(settings.untrusted.ports), settings.untrusted.permitted),
        agent=settings.agent,
    )


def _proxies(settings: OutboundSettings) -> Proxies:
    if settings.proxy:
        proxy = parse_proxy(settings.proxy)
        return Proxies(proxy, proxy, settings.no_proxy)
    return from_environment(os.environ) if settings.environment else Proxies()


def _tls(settings: OutboundSettings, context: Context) -> ClientTLS:
    from netforge.shared.outbound.trust import believing, believing_system  # noqa: PLC0415

    if settings.local_authority:
        return context[ICertificates].client
    return believing_system() if settings.authority is None else believing(settings.authority)
