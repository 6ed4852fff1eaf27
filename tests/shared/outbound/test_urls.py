"""URLs, and which proxy they go through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.plugin import OutboundFailed
from netforge.protocols.http import Exchange
from netforge.shared.outbound.proxies import Proxies, Proxy, from_environment, parse_proxy
from netforge.shared.outbound.urls import Target, joined, parse
from tests.shared.outbound.conftest import World

PROXY = Proxy("proxy", 3128)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://Example.ORG", Target("http", "example.org", 80, "/")),
        ("HTTPS://example.org:8443/a/b?c=d&e#f", Target("https", "example.org", 8443, "/a/b?c=d&e")),
        ("http://b\u00fccher.example/\u00e4?\u00f6", Target("http", "xn--bcher-kva.example", 80, "/%C3%A4?%C3%B6")),
        ("http://my_app:8000/%2f", Target("http", "my_app", 8000, "/%2f")),
        ("http://[2001:DB8:0::1]/", Target("http", "2001:db8::1", 80, "/")),
        ("http://ada:p%40ss@host/", Target("http", "host", 80, "/", ("ada", "p@ss"))),
        ("http://192.0.2.1?x", Target("http", "192.0.2.1", 80, "/?x")),
    ],
)
def test_what_a_url_means(url: str, target: Target) -> None:
    assert parse(url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "http:///path", "http://"),
        *("http://host:0/", "http://host:65536/", "http://host:x/", "http://host:/", "http://a@b@c/", "http://ho st/"),
        *("http://host/\r\nX: y", "http://host\\@other/", "http://-host/", "http://a..b/", "http://host/\x00"),
        *("http://[::1%25lo]/", "http://[::1/", "http://1.2.3/", "http://host%00/", f"http://{'a' * 64}.example/"),
    ],
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(url)


@given(st.text(max_size=40))
def test_what_is_read_once_is_read_again_the_same(text: str) -> None:
    try:
        target = parse(f"http://{text}")
    except ValueError:
        return
    again = parse(target.url)
    assert (again.origin, again.path) == (target.origin, target.path)
    assert target.url.isascii() and target.url.isprintable() and " " not in target.url


def test_locations_are_relative_to_where_they_come_from() -> None:
    base = parse("https://host:8443/a/b?c")
    assert joined(base, "d").url == "https://host:8443/a/d"
    assert joined(base, "//other/").url == "https://other/"
    assert joined(base, "?e").url == "https://host:8443/a/b?e"


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ([], "http://example.org/", False),
        ([], "http://localhost:8000/", True),
        ([], "http://127.0.0.2/", True),
        ([], "http://[::1]/", True),
        (["*"], "http://example.org/", True),
        (["example.org"], "http://example.org/", True),
        (["example.org"], "http://www.example.org/", True),
        ([".example.org"], "http://www.example.org/", True),
        (["*.example.org"], "http://www.example.org/", True),
        (["example.org"], "http://badexample.org/", False),
        (["example.org:8080"], "http://example.org/", False),
        (["example.org:8080"], "http://example.org:8080/", True),
        (["10.0.0.0/8"], "http://10.1.2.3/", True),
        (["10.0.0.0/8"], "http://11.1.2.3/", False),
        (["2001:db8::/32"], "http://[2001:db8::5]/", True),
        (["[2001:db8::5]:8080"], "http://[2001:db8::5]:8080/", True),
        (["192.0.2.1"], "http://192.0.2.1/", True),
    ],
)
def test_what_goes_past_a_proxy(exceptions: list[str], url: str, direct: bool) -> None:
    assert (Proxies(PROXY, PROXY, exceptions).choose(parse(url)) is None) == direct


def test_proxies_of_the_environment() -> None:
    found = from_environment(
        {
            "http_proxy": "http://user:pass@one:1/",
            "HTTPS_PROXY": "two:2",
            "no_proxy": "inside, 10.0.0.0/8",
        }
    )
    assert found.choose(parse("http://a/")) == Proxy("one", 1, "Basic dXNlcjpwYXNz")
    assert found.choose(parse("https://a/")) == Proxy("two", 2)
    assert found.choose(parse("https://x.inside/")) is None
    # A CGI program has what a client says in a field Proxy under this name.
    assert from_environment({"HTTP_PROXY": "http://evil:1"}).choose(parse("http://a/")) is None
    assert from_environment({"ALL_PROXY": "http://all:1"}).choose(parse("http://a/")) == Proxy("all", 1)
    with pytest.raises(ValueError, match=r"the environment's https_proxy: .*expected a proxy"):
        from_environment({"https_proxy": "https://secure:1"})


def test_what_is_no_proxy() -> None:
    for url in ("socks5://host:1", "http://host:1/path", "http://"):
        with pytest.raises(ValueError, match=r"."):
            parse_proxy(url)


def test_a_proxy_is_asked_for_the_whole_url(world: World) -> None:
    def proxy(exchange: Exchange) -> None:
        exchange.respond(200, [], f"{exchange.request.target} of {exchange.request.authority}".encode())

    world.serve(proxy, "proxy", 3128)
    client = world.client(proxies=Proxies(Proxy("proxy", 3128, "Basic YTpi"), None))
    status, body = world.get("http://else.where:8080/a?b", client)
    assert status == 200 and b"else.where:8080" in body
    assert world.seen[0][2]["proxy-authorization"] == "Basic YTpi"
    # One connection to the proxy serves every server behind it.
    world.get("http://third.example/", client)
    assert len(world.connections) == 1


def test_a_proxy_that_makes_no_tunnel_says_why(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(407), "proxy", 3128)
    client = world.client(lambda host: None, proxies=Proxies(None, Proxy("proxy", 3128)), retries=0)
    with pytest.raises(OutboundFailed) as raised:
        world.get("https://else.where/", client)
    assert raised.value.stage == "proxy"
