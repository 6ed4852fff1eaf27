"""Settings of a reverse proxy."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo, model_validator

from netforge.plugin import Field, Settings
from netforge.plugin.paths import expanded
from netforge.plugin.settings import Reading
from netforge.services.web.proxy.addresses import parse_upstream

__all__ = ["CheckSettings", "ProxySettings", "ProxyTLSSettings"]


def _network(text: str) -> str:
    if text != "unix":
        ip_network(text)
    return text


def _upstream(text: str, info: ValidationInfo) -> str:
    path, reading = parse_upstream(text).path, Reading.of(info)
    return text if path is None or reading is None else f"unix:{reading.folder / expanded(path)}"


class CheckSettings(Settings):
    """How upstreams are asked whether they are well."""

    path: str = Field("/", description="what is asked for; any status from 200 to 399 is well", pattern=r"^/[!-~]*$")
    interval: float = Field(5.0, gt=0, description="seconds from one answer to the next question")
    timeout: float = Field(2.0, gt=0, description="seconds that an answer may take")
    rise: int = Field(2, ge=1, description="good answers in a row after which an upstream is healthy again")
    fall: int = Field(3, ge=1, description="bad answers in a row after which it is not")


class ProxyTLSSettings(Settings):
    """TLS with the upstreams."""

    authority: Path | None = Field(
        None,
        description="a file of certificates in PEM: the authorities that are believed; without it, the system's",
        watch=True,
    )
    name: str = Field("", description="what upstreams must prove to be; without it, the host of their address")


class ProxySettings(Settings):
    """A reverse proxy: requests are passed on to a pool of upstreams."""

    to: list[Annotated[str, AfterValidator(_upstream)]] = Field(
        description="the upstreams: http://HOST:PORT, https://HOST:PORT or unix:PATH", min_length=1
    )
    host: Literal["client", "upstream"] = Field(
        "client", description="whose name upstreams see in Host: what the client asked for, or their own"
    )
    strip: bool = Field(False, description="take the path of the place from the beginning of the paths")
    trusted: list[Annotated[str, AfterValidator(_network)]] = Field(
        default_factory=list,
        description="networks, or unix, of other proxies before this one: their Forwarded and X-Forwarded-* are kept "
        "and added to; anybody else's are replaced",
    )
    via: str = Field(
        "netforge", description="the name in Via; empty leaves Via alone", pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]*$"
    )
    connections: int = Field(64, ge=1, description="the most connections in use to one upstream")
    queue: int = Field(256, ge=0, description="the most requests that wait for a connection; the others get a 503")
    patience: float = Field(10.0, gt=0, description="seconds that a request waits for a connection")
    retries: int = Field(
        2, ge=0, description="how often a request is tried again at another upstream, if that cannot do harm"
    )
    connect: float = Field(5.0, gt=0, description="seconds that a connection may take, with TLS")
    first: float = Field(60.0, gt=0, description="seconds from the end of a request to the beginning of the response")
    between: float = Field(60.0, gt=0, description="seconds of silence in the middle of a response")
    quiet: float = Field(3600.0, gt=0, description="seconds that a WebSocket may be silent")
    idle: float = Field(
        4.0, gt=0, description="seconds that an unused connection is kept: less than upstreams keep theirs"
    )
    failures: int = Field(3, ge=1, description="failures in a row after which an upstream rests")
    rest: float = Field(1.0, gt=0, description="seconds of the first rest; each further one is twice as long, up to 60")
    check: CheckSettings | None = Field(None, description="ask upstreams whether they are well")
    tls: ProxyTLSSettings = Field(ProxyTLSSettings(), description="how upstreams of https:// prove who they are")

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        """A string or a list is the upstreams."""
        if isinstance(value, str):
            return {"to": [value]}
        if isinstance(value, list):
            return {"to": value}
        if isinstance(value, dict) and isinstance(value.get("to"), str):
            return {**value, "to": [value["to"]]}
        return value
