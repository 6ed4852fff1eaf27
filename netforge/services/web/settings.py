"""The settings of sites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationInfo, field_validator, model_validator

from netforge.plugin import Field, Internet, Listen, Settings
from netforge.services.web.around.order import AroundSettings
from netforge.services.web.hosts import host_name
from netforge.services.web.kinds import KINDS, Kind

__all__ = ["PlaceSettings", "SiteSettings", "WebSettings"]

#: A name, all names below one, or an address.
HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


class PlaceSettings(AroundSettings):
    """What is served at a path. Keys of its site that it has too count here as they are here."""

    static: Any = Field(None, description="files: a folder, or a table")
    site: Any = Field(None, description="an application written for netforge: module:name, or a table")
    asgi: Any = Field(None, description="an ASGI application, such as of Starlette: module:name, or a table")
    wsgi: Any = Field(None, description="a WSGI application, such as of Flask or Django: module:name, or a table")
    tornado: Any = Field(None, description="a Tornado application: module:name, or a table")
    resource: Any = Field(None, description="a resource of twisted.web, such as of Klein: module:name, or a table")
    proxy: Any = Field(None, description="other servers: their addresses, or a table")
    service: Any = Field(None, description="the pages of another service: its name in the settings")
    redirect: Any = Field(None, description="where to send everybody: a URL or a path, or a table")
    respond: Any = Field(None, description="the same answer for everybody: text, or a table")

    @field_validator(*KINDS, mode="before")
    @classmethod
    def _read_kind(cls, value: Any, info: ValidationInfo) -> Any:
        return value if value is None else KINDS[str(info.field_name)].settings(value, info.context)

    @model_validator(mode="after")
    def _is_one_kind(self) -> PlaceSettings:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected one of {', '.join(KINDS)}; found {' and '.join(given) or 'none'}")
        return self

    @property
    def served(self) -> tuple[Kind, Any]:
        """What is served, and its settings."""
        return next((kind, settings) for name, kind in KINDS.items() if (settings := getattr(self, name)) is not None)


class SiteSettings(AroundSettings):
    """A site."""

    hosts: list[str] = Field(
        [], description="its names, such as example.org or *.example.org; none: whatever no other site has"
    )
    at: dict[str, PlaceSettings] = Field(
        description='what is served, by path: at."/shop" is for /shop and all below', min_length=1
    )

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if not HOST.fullmatch(host):
                raise ValueError(f"expected a name such as example.org or *.example.org, no port; found {host!r}")
        return [host_name(host) for host in hosts]

    @field_validator("at")
    @classmethod
    def _are_paths(cls, at: dict[str, PlaceSettings]) -> dict[str, PlaceSettings]:
        places: dict[str, PlaceSettings] = {}
        for path, place in at.items():
            mount = path.rstrip("/")
            if not path.startswith("/") or "//" in path or {".", ".."}.intersection(mount.split("/")):
                raise ValueError(f"expected a path such as /shop, found {path!r}")
            if mount in places:
                raise ValueError(f"{path} is there with and without a slash at its end")
            places[mount] = place
        return places


class WebSettings(Settings):
    """Sites by host name and path: files, applications, proxies, redirects."""

    listen: list[Listen] = Field([Listen("tcp:127.0.0.1:7080")], description="where to listen", min_length=1)
    sites: dict[str, SiteSettings] = Field(description="the sites, by names of yours", min_length=1)
    idle: float = Field(
        60.0,
        ge=0,
        description="seconds that a client may take for the head of a request or to begin another one, and be silent "
        "while something is expected of it; 0 for ever",
    )
    head: int = Field(16 * 1024, ge=1024, description="the most bytes of a request's head")

    @model_validator(mode="after")
    def _no_two_have_a_host(self) -> WebSettings:
        taken: dict[str, str] = {}
        for name, site in self.sites.items():
            for host in site.hosts or ["every other host"]:
                if host in taken:
                    raise ValueError(f"sites.{taken[host]} and sites.{name} are both for {host}")
                taken[host] = name
        return self

    def values_of(self, key: str) -> Iterator[Any]:
        """The values that a key of :class:`AroundSettings` has for sites, and for places that have it themselves."""
        for site in self.sites.values():
            yield getattr(site, key)
            yield from (getattr(place, key) for place in site.at.values() if key in place.model_fields_set)

    @property
    def https_port(self) -> int:
        """The port of the first TCP listener with TLS; HTTPS's own if that is not known."""
        for listen in self.listen:
            if listen.keys.get("tls") and isinstance(listen.address, Internet) and listen.address.port:
                return listen.address.port
        return 443
