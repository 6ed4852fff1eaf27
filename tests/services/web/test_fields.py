"""What is said beside what applications say: security headers, HTTPS, CORS."""

from __future__ import annotations

from typing import Any

import pytest

from netforge.host.settings import SettingsError
from tests.services.web.conftest import Sites, Web

LISTEN = '["tcp:80", { address = "tcp:8443", tls = true }]'
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-frame-options": "SAMEORIGIN",
}


@pytest.fixture
def site(sites: Sites) -> Any:
    """Runs a site with these keys, on HTTP and HTTPS."""

    def run(keys: str = "", fields: str = "") -> Web:
        respond = f'{{ text = "hello", fields = {{ {fields} }} }}'
        return sites(f"[services.web.sites.main]\n{keys}\nat.'/'.respond = {respond}\n", LISTEN)

    return run


def some(fields: Any, names: Any = SECURITY) -> Any:
    """Those of the fields that have names."""
    return {name: value for name, value in fields.items() if name in names}


def test_browsers_are_protected(site: Any) -> None:
    web = site()
    assert some(web.ask().fields) == SECURITY
    assert some(web.ask("/../").fields) == SECURITY


def test_what_the_application_says_stays(site: Any) -> None:
    web = site(fields='X-Frame-Options = "DENY"')
    assert some(web.ask().fields) == {**SECURITY, "x-frame-options": "DENY"}


def test_what_the_application_says_last_of_all_stays_and_is_said_once(sites: Sites) -> None:
    site = "at.'/'.site = 'tests.services.web.applications:decorate'"
    web = sites(f"[services.web.sites.main]\nhsts = 60\ncors = ['https://a']\n{site}", LISTEN)
    fields = web.ask(fields={"Origin": "https://a"}, number=1).fields
    assert fields["x-frame-options"] == "DENY"
    assert fields["strict-transport-security"] == "max-age=60"
    assert fields["access-control-allow-origin"] == "https://a"


def test_fields_can_be_set_and_removed(site: Any) -> None:
    web = site(
        'headers = { set = { Server = "x", X-Frame-Options = "DENY" }, remove = ["Referrer-Policy", "X-Own"] }',
        fields='X-Own = "1", Server = "y"',
    )
    fields = web.ask().fields
    assert some(fields) == {"x-content-type-options": "nosniff", "x-frame-options": "DENY"}
    assert fields["server"] == "x"
    assert "x-own" not in fields


def test_none_are_said_where_they_are_off(site: Any) -> None:
    assert some(site("headers = false").ask().fields) == {}


def test_plain_http_is_sent_to_the_listener_with_tls(site: Any) -> None:
    web = site('https = "redirect"')
    status, fields, _ = web.ask("/a?b", host="Example.org:80")
    assert (status, fields["location"]) == (308, "https://Example.org:8443/a?b")
    assert web.ask(host="[2001:db8::1]").fields["location"] == "https://[2001:db8::1]:8443/"
    assert web.ask(number=1).body == "hello"
    assert web.ask("*", "OPTIONS").status == 403
    assert some(web.ask().fields) == SECURITY


def test_plain_http_is_sent_to_the_usual_port_without_one(sites: Sites) -> None:
    web = sites("[services.web.sites.main]\nhttps = 'redirect'\nat.'/'.respond = ''\n")
    assert web.ask("/").fields["location"] == "https://example.org/"


@pytest.mark.parametrize(
    ("hsts", "said"),
    [
        ("60", "max-age=60"),
        ("{}", "max-age=31536000"),
        ("{ subdomains = true, preload = true }", "max-age=31536000; includeSubDomains; preload"),
    ],
)
def test_strict_transport_is_said_over_tls_alone(site: Any, hsts: str, said: str) -> None:
    web = site(f"hsts = {hsts}")
    assert web.ask(number=1).fields["strict-transport-security"] == said
    assert web.ask("/../", number=1).fields["strict-transport-security"] == said
    assert "strict-transport-security" not in web.ask().fields


CORS = 'cors = { origins = ["https://App.example"], expose = ["x-total"], credentials = true }'
ASKED = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}


def shared(reply: Any) -> Any:
    """What is said of who may read."""
    return {
        name.removeprefix("access-control-"): value
        for name, value in reply.fields.items()
        if name.startswith("access-control-") or name == "vary"
    }


def test_pages_of_some_sites_may_read(site: Any) -> None:
    web = site(CORS)
    assert shared(web.ask(fields={"Origin": "https://app.example"})) == {
        "allow-origin": "https://app.example",
        "allow-credentials": "true",
        "expose-headers": "x-total",
        "vary": "origin",
    }
    assert shared(web.ask("/../", fields={"Origin": "https://app.example"}))["allow-origin"] == "https://app.example"
    for fields in ({}, {"Origin": "https://other.example"}, {"Origin": "null"}):
        assert shared(web.ask(fields=fields)) == {"vary": "origin"}


def test_a_preflight_is_answered(site: Any) -> None:
    web = site(CORS)
    reply = web.ask("/a", "OPTIONS", fields=ASKED)
    assert (reply.status, reply.body) == (204, "")
    assert shared(reply) == {
        "allow-origin": "https://app.example",
        "allow-credentials": "true",
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "authorization, content-type",
        "max-age": "600",
        "vary": "origin",
    }
    reply = web.ask("/a", "OPTIONS", fields={**ASKED, "Origin": "https://other.example"})
    assert reply.status == 403
    assert "allow-origin" not in shared(reply)
    assert web.ask("/a", "OPTIONS", fields={"Origin": "https://app.example"}).body == "hello"


def test_a_preflight_needs_no_password(site: Any) -> None:
    web = site(f'{CORS}\nauth = {{ passwords = false, tokens = {{ a = "{"0" * 64}" }} }}')
    assert web.ask("/a", "OPTIONS", fields=ASKED).status == 204
    refused = web.ask("/a", fields={"Origin": "https://app.example"})
    assert (refused.status, shared(refused)["allow-origin"]) == (401, "https://app.example")


def test_pages_of_every_site_may_read(site: Any) -> None:
    web = site('cors = ["*"]')
    assert shared(web.ask(fields={"Origin": "https://a.example"})) == {"allow-origin": "*"}
    assert shared(web.ask()) == {}
    assert shared(web.ask(method="OPTIONS", fields=ASKED))["allow-origin"] == "*"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('cors = { origins = ["*"], credentials = true }', "cors: credentials = true wants origins by their names"),
        ('cors = ["app.example"]', "cors.origins: expected scheme and host"),
        ('cors = ["https://*.example"]', "cors.origins: expected scheme and host"),
        ('cors = ["https://a@b"]', "cors.origins: expected scheme and host"),
        ('cors = ["null"]', "cors.origins: expected scheme and host"),
        ('cors = { origins = ["https://a"], header = ["x"] }', "cors.header: unknown key; did you mean 'headers'"),
        ("hsts = { preload = true }", "hsts: preload = true wants subdomains"),
        ('https = "yes"', "https: expected 'redirect'"),
        ('headers = { set = { "A b" = "c" } }', "headers.set: expected the name of a field"),
        ('headers = { set = { A = "\\n" } }', "headers.set: the value of A has characters"),
        ('errors = { files = { 200 = "x" } }', "errors.files: expected a status from 400 to 599"),
        ("auth = { passwords = false }", "auth: with passwords = false, tokens or token_file are required"),
        ('auth = { tokens = { a = "b" } }', "auth.tokens: expected the SHA-256 of the token a"),
        ("rate = 0", "rate.requests: expected at least 1"),
    ],
)
def test_what_is_wrong_is_named(site: Any, keys: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        site(keys)
    assert message in str(caught.value)
