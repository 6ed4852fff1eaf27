"""Which site, and which part of it, answers for a request."""

from __future__ import annotations

import pytest

from netforge.host.settings import SettingsError
from netforge.services.web.hosts import Hosts, host_name, without_port
from netforge.services.web.places import Places
from netforge.services.web.service import LAB
from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab
from tests.services.web.conftest import Sites, Web

HOSTS = """
[services.web.sites.one]
hosts = ["example.org", "EXAMPLE.net."]
at."/".respond = "one"
[services.web.sites.many]
hosts = ["*.example.org"]
at."/".respond = "many"
[services.web.sites.deep]
hosts = ["*.deep.example.org", "[2001:db8::1]"]
at."/".respond = "deep"
"""
OTHERS = """
[services.web.sites.others.at."/"]
respond = "others"
"""


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("example.org", "one"),
        ("Example.ORG", "one"),
        ("example.org.", "one"),
        ("example.org:8080", "one"),
        ("example.org.:80", "one"),
        ("example.net", "one"),
        ("www.example.org", "many"),
        ("a.b.example.org", "many"),
        ("a.deep.example.org", "deep"),
        ("deep.example.org", "many"),
        ("[2001:DB8::1]:80", "deep"),
        ("badexample.org", "others"),
        ("example.com", "others"),
    ],
)
def test_the_site_of_a_host(sites: Sites, host: str, site: str) -> None:
    assert sites(HOSTS + OTHERS).ask(host=host).body == site


def test_an_unknown_host_has_no_site(sites: Sites) -> None:
    web = sites(HOSTS, '["tcp:80", { address = "tcp:443", tls = true }]')
    assert web.ask(host="example.com").status == 404
    assert web.ask(host="example.com", number=1).status == 421
    assert web.ask(host="www.example.org", number=1).body == "many"


@pytest.mark.parametrize(
    ("authority", "host"),
    [("a:80", "a"), ("a", "a"), ("a:", "a"), ("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("", "")],
)
def test_a_host_without_its_port(authority: str, host: str) -> None:
    assert without_port(authority) == host_name(authority) == host


PLACES = """
[services.web.sites.main]
at."/".respond = "root"
at."/shop".respond = "shop"
at."/shop/old/".respond = "old"
at."/caf\u00e9".respond = "caf\u00e9"
"""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", "root"),
        ("/x", "root"),
        ("/shop", "shop"),
        ("/shop?x=/shop/old", "shop"),
        ("/shop/", "shop"),
        ("/sh%6Fp/1", "shop"),
        ("/shopping", "root"),
        ("/shop/older", "shop"),
        ("/shop/old", "old"),
        ("/shop/old/1/2", "old"),
        ("//", "root"),
        ("//x", "root"),
        ("/x//shop", "root"),
        ("/shop//old2", "shop"),
        ("/Shop", "root"),
        ("/caf%C3%A9/1", "caf\u00e9"),
        ("http://example.org/shop", "shop"),
    ],
)
def test_the_longest_path_answers(sites: Sites, path: str, body: str) -> None:
    assert sites(PLACES).ask(path).body == body


def test_a_path_of_nobody_is_not_found(sites: Sites) -> None:
    web = sites('[services.web.sites.main]\nat."/shop".respond = "shop"\n')
    assert web.ask("/").status == 404
    assert web.ask("/shop").status == 200


@pytest.mark.parametrize("path", ["//shop", "///shop/1", "/shop//old", "//shop//old/1", "/%2e/shop"])
def test_no_path_leads_around_a_place(sites: Sites, path: str) -> None:
    assert sites(PLACES).ask(path).status in (400, 404)


@pytest.mark.parametrize("path", ["/shop/../", "/shop/%2e%2e/", "/shop%2Fx", "/shop/%FF", "/shop/%00"])
def test_a_path_that_could_be_read_in_two_ways_is_refused(sites: Sites, path: str) -> None:
    assert sites(PLACES).ask(path).status == 400


def test_one_site_with_one_place_is_called_directly(monkeypatch: pytest.MonkeyPatch, sites: Sites) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("nothing has to be looked up")

    monkeypatch.setattr(Places, "__call__", refuse)
    monkeypatch.setattr(Hosts, "__call__", refuse)
    assert sites('[services.web.sites.main]\nat."/".respond = "root"\n').ask("/x").body == "root"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("hosts = ['a:80']\nat.'/'.respond = 'x'", "hosts: expected a name such as"),
        ("hosts = ['a.*']\nat.'/'.respond = 'x'", "hosts: expected a name such as"),
        ("at.'shop'.respond = 'x'", "at: expected a path such as /shop, found 'shop'"),
        ("at.'/a/../b'.respond = 'x'", "at: expected a path"),
        ("at.'/a'.respond = 'x'\nat.'/a/'.respond = 'y'", "at: /a/ is there with and without"),
        ("at.'/'.log = true", 'at."/": expected one of static, site, asgi'),
        ("at.'/' = { respond = 'x', redirect = '/y' }", "found redirect and respond"),
        ("at = {}", "at: expected "),
        ("at.'/'.redirect = { rest = true }", "redirect: to is required: where to"),
        ("at.'/'.redirect = '//evil.example'", "redirect: expected a URL"),
        ("at.'/'.respond = { fields = { Date = 'x' } }", "respond.fields: Date is for the server to say"),
        ("at.'/'.site = 'shop'", "site: expected module:name, such as shop.web:app"),
        ("at.'/'.respond = 'x'\nhosts = ['a', 'A.']", "sites.main and sites.main are both for a"),
    ],
)
def test_what_is_wrong_is_named(sites: Sites, table: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sites(f"[services.web.sites.main]\n{table}\n")
    assert message in str(caught.value)


def test_two_sites_cannot_have_one_host(sites: Sites) -> None:
    with pytest.raises(SettingsError, match=r"sites.main and sites.others are both for every other host"):
        sites(f'[services.web.sites.main]\nat."/".respond = ""\n{OTHERS}')


def test_the_lab_has_a_site(lab: MakeLab, network: Network) -> None:
    web = Web(lab(LAB), network, LAB)
    assert "<a href='/chat/'>" in web.ask().body
    # In the lab of everything it is there.
    assert web.ask("/chat/").status == 503
    assert web.ask("/old/x").fields["location"] == "/x"
