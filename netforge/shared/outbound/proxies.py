"""Which requests go through a proxy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from netforge.shared.outbound.urls import Target, parse

__all__ = ["Proxies", "Proxy", "basic", "from_environment", "parse_proxy"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    :param authorization: what it is told of who asks; empty for nothing.
    """

    host: str
    port: int
    authorization: str = field(default="", repr=False)


def basic(user: str, password: str) -> str:
    """Credentials as a field has them (RFC 7617).

    :raises ValueError: if the name has a colon.
    """
    if ":" in user:
        raise ValueError("a user's name has no colon")
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def parse_proxy(url: str) -> Proxy:
    """Read where a proxy is: ``http://HOST:PORT``, perhaps with a user and a password.

    :raises ValueError: if it is no such URL.
    """
    target = parse(url if "://" in url else f"http://{url}")
    if target.scheme != "http" or target.path != "/":
        raise ValueError(f"{target.url}: expected a proxy as http://HOST:PORT")
    return Proxy(target.host, target.port, basic(*target.auth) if target.auth else "")


class Proxies:
    """The proxies there are.

    :param http: for ``http://`` URLs.
    :param https: for ``https://`` URLs: it makes a tunnel.
    :param exceptions: what is reached without: names, each with all that end in it; addresses and networks; with
        ``:PORT`` only at that port; ``*`` for everything. This machine itself always is.
    """

    def __init__(self, http: Proxy | None = None, https: Proxy | None = None, exceptions: Sequence[str] = ()) -> None:
        self._by_scheme = {"http": http, "https": https}
        self._exceptions = [one.strip().lower() for one in exceptions if one.strip()]

    def choose(self, target: Target) -> Proxy | None:
        """The proxy for a request, if any."""
        proxy = self._by_scheme[target.scheme]
        if proxy is None or _is_local(target.host):
            return None
        return None if any(_matches(one, target) for one in self._exceptions) else proxy


def from_environment(environment: Mapping[str, str]) -> Proxies:
    """The proxies that ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy`` name, in either case.

    ``HTTP_PROXY`` does not count: for a CGI program it is what a client says in a field of that name.

    :raises ValueError: naming the variable that holds no proxy.
    """

    def proxy(*names: str) -> Proxy | None:
        for name in names:
            if value := environment.get(name):
                try:
                    return parse_proxy(value)
                except ValueError as error:
                    raise ValueError(f"the environment's {name}: {error}") from None
        return None

    every = ("all_proxy", "ALL_PROXY")
    exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return Proxies(proxy("http_proxy", *every), proxy("https_proxy", "HTTPS_PROXY", *every), exceptions.split(","))


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.removesuffix(".") == "localhost" or host.endswith(".localhost")


def _matches(exception: str, target: Target) -> bool:
    if exception == "*":
        return True
    name, colon, port = exception.rpartition(":")
    if colon and port.isdigit() and (":" not in name or name.endswith("]")):
        if int(port) != target.port:
            return False
        exception = name
    exception = exception.strip("[]")
    try:
        address = ip_address(target.host)
    except ValueError:
        suffix = exception.removeprefix("*").lstrip(".")
        return target.host == suffix or target.host.endswith(f".{suffix}")
    try:
        return address in ip_network(exception, strict=False)
    except ValueError:
        return False
