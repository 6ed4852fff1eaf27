"""The layers around applications: which are there, in which order, and what is left out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from twisted.logger import LogEvent, Logger

from netforge.plugin import Context, IMetrics
from netforge.services.web.around.https import HSTSSettings
from netforge.services.web.around.layer import Premises
from netforge.services.web.around.order import ORDER, AroundSettings, layers, put_around
from netforge.services.web.kinds import KINDS
from netforge.services.web.service import needs
from netforge.services.web.settings import PlaceSettings, WebSettings
from netforge.testing import Network
from tests.services.web.conftest import Sites

HERE = "tests.services.web.applications"

TOKENS = {"one": "0" * 64}

#: Everything off.
OFF: Mapping[str, Any] = {
    "log": False,
    "metrics": False,
    "headers": False,
    "errors": False,
    "body": 0,
    "timeout": 0,
}


@pytest.fixture
def premises(memory: Any) -> Premises:
    """Where layers are made that need no component."""

    class Somewhere(Context):
        name = "web"
        reactor = clock = memory
        log = Logger()
        random = random.Random(1)
        state = loop = cast(Any, None)

        def __getitem__(self, interface: Any) -> Any:
            raise AssertionError(f"{interface} is not needed")

        def keep(self, key: Any, make: Any) -> Any:
            raise AssertionError("nothing is kept")

    return Premises(Somewhere(), "main")


def test_what_is_off_is_not_there(premises: Premises) -> None:
    def application(exchange: object) -> None:
        raise NotImplementedError

    around = layers(AroundSettings(**OFF), premises)
    assert dict(around) == dict.fromkeys(ORDER)
    assert put_around(application, around) is application


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("log", True),
        ("headers", True),
        ("hsts", 60),
        ("errors", True),
        ("https", "redirect"),
        ("cors", ["*"]),
        ("rate", 60),
        ("auth", {"passwords": False, "tokens": {"one": "0" * 64}}),
        ("body", 1),
        ("timeout", 1),
    ],
)
def test_what_is_on_is_there_alone(premises: Premises, key: str, value: Any) -> None:
    around = layers(AroundSettings.model_validate({**OFF, key: value}), premises)
    assert [name for name, layer in around.items() if layer is not None] == [key]


def test_every_key_is_a_layer() -> None:
    assert [*AroundSettings.model_fields] == [*ORDER]


def test_a_place_has_the_layers_of_its_site_but_for_its_own_keys(premises: Premises) -> None:
    site = layers(AroundSettings.model_validate({**OFF, "rate": 60, "body": 10}), premises)
    place = layers(PlaceSettings.model_validate({"respond": "", "body": 0, "timeout": 1}), premises, site)
    assert place["rate"] is site["rate"]
    assert place["headers"] is None
    assert place["body"] is None
    assert place["timeout"] is not None


def test_a_place_can_do_without_what_its_site_has(premises: Premises) -> None:
    on = {"hsts": True, "https": "redirect", "cors": ["*"], "rate": 1, "auth": {"passwords": False, "tokens": TOKENS}}
    site = layers(AroundSettings.model_validate({**OFF, **on}), premises)
    assert all(site[key] is not None for key in on)
    off = PlaceSettings.model_validate({"respond": "", **dict.fromkeys(on, False)})
    assert dict(layers(off, premises, site)) == dict.fromkeys(ORDER)


def test_a_value_is_short_for_a_table() -> None:
    long = {"hsts": {"seconds": 60}, "rate": {"requests": 5}, "auth": {"realm": "a"}, "headers": {"security": False}}
    short = {"hsts": 60, "rate": 5, "auth": "a", "headers": False}
    assert AroundSettings.model_validate(short) == AroundSettings.model_validate(long)
    assert AroundSettings.model_validate({"hsts": True}).hsts == HSTSSettings()
    assert AroundSettings.model_validate({"headers": True}) == AroundSettings()


def test_editors_know_that_a_value_is_short_for_a_table() -> None:
    hsts = WebSettings.model_json_schema()["$defs"]["HSTSSettings"]
    assert [one["type"] for one in hsts["anyOf"]] == ["object", "integer", "boolean"]


@pytest.mark.parametrize(
    ("table", "needed"),
    [
        ({"metrics": False}, []),
        ({}, ["IMetrics"]),
        ({"metrics": False, "auth": "staff"}, ["IAccounts"]),
        ({"metrics": False, "auth": {"passwords": False, "tokens": {"a": "0" * 64}}}, []),
    ],
)
def test_components_are_needed_where_settings_say_so(table: Mapping[str, Any], needed: list[str]) -> None:
    site = {"at": {"/": {"respond": ""}}, **table}
    found = needs(WebSettings.model_validate({"sites": {"main": site}}))
    assert [interface.__name__ for interface in found] == needed


def test_those_of_a_place_are_needed_too() -> None:
    at = {"/": {"site": {"app": "a:b", "uses": ["metrics"]}, "auth": "staff"}}
    found = needs(WebSettings.model_validate({"sites": {"main": {"metrics": False, "at": at}}}))
    assert [interface.__name__ for interface in found] == ["IAccounts", "IMetrics"]


def test_what_has_deadlines_of_its_own_has_those_of_its_place_alone(
    sites: Sites, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "site", replace(KINDS["site"], patient=True))
    web = sites(f"""
        [services.web.sites.main]
        timeout = 1
        at."/".site = "{HERE}:forget"
        at."/one" = {{ site = "{HERE}:forget", timeout = 2 }}
        """)
    peer = web.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    network.run(100)
    assert peer.received == b""
    assert web.ask("/one").status == 503


def requests(events: list[LogEvent]) -> Iterator[LogEvent]:
    """The events of the access log."""
    return (event for event in events if event.get("event") == "request")


def test_each_request_is_an_event(sites: Sites, events: list[LogEvent], network: Network) -> None:
    web = sites(f"""
        [services.web.sites.main]
        at."/".site = "{HERE}:hang"
        at."/quiet" = {{ respond = "", log = false }}
        at."/show".site = "{HERE}:show"
        timeout = 2
        """)
    web.ask("/show/a?b=c", fields={"User-Agent": "test\u00e9"})
    web.ask("/quiet")
    web.ask("/")
    web.ask("/show/../")
    shown, hung, refused = requests(events)
    assert shown["log_format"].format(**shown).startswith("GET /show/a?b=c 200: 9 bytes in 0.0")
    assert (shown["site"], shown["host"], shown["version"], shown["user"]) == ("main", "example.org", "1.1", None)
    assert shown["peer"].host == network.machine("client").address
    assert shown["agent"].encode("latin-1").decode() == "test\u00e9"
    assert shown["complete"]
    assert (hung["status"], round(hung["duration"])) == (503, 2)
    assert (refused["target"], refused["status"]) == ("/show/../", 400)


def test_a_request_whose_client_goes_is_an_event(sites: Sites, events: list[LogEvent], network: Network) -> None:
    web = sites(f"[services.web.sites.main]\nat.'/'.site = '{HERE}:hang'\ntimeout = 5")
    peer = web.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    network.run(1)
    peer.reset()
    network.run(10)
    [event] = requests(events)
    assert (event["status"], event["complete"]) == (0, False)


def test_requests_for_no_site_are_events(sites: Sites, events: list[LogEvent]) -> None:
    sites("[services.web.sites.main]\nhosts = ['a']\nat.'/'.respond = ''").ask(host="b")
    [event] = requests(events)
    assert (event["site"], event["status"]) == ("-", 404)


METERED = f"""
[services.monitor]
listen = ["tcp:9464"]
[services.web.sites.main]
at."/".site = "{HERE}:show"
at."/one/two".site = "{HERE}:route"
at."/hang".site = "{HERE}:trickle"
at."/none" = {{ respond = "", metrics = false }}
"""


def numbers(web: Any) -> str:
    """The numbers as Prometheus gets them."""
    peer = web.lab.connect("monitor")
    peer.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return str(peer.receive_all().decode())


def test_requests_are_counted_by_route(sites: Sites, network: Network) -> None:
    web = sites(METERED)
    for path in ("/", "/x", "/one/two/3", "/../", "/none", "/none/1"):
        web.ask(path)
    web.ask("/one/two", "MKCOL")
    waiting = web.connect()
    waiting.send(b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
    network.run(1)
    found = numbers(web)
    total = 'netforge_http_requests_total{{method="{}",route="{}",service="web",site="main",status="{}"}} {}.0\n'
    assert total.format("GET", "/*", "2xx", 2) in found
    assert total.format("GET", "/*", "4xx", 1) in found
    assert total.format("GET", "/one/two/3", "2xx", 1) in found
    assert total.format("other", "/one/two", "2xx", 1) in found
    assert "/none" not in found
    assert 'netforge_http_open_requests{service="web",site="main"} 1.0\n' in found
    count = 'netforge_http_request_duration_seconds_count{route="/*",service="web",site="main"} 3.0\n'
    assert count in found
    waiting.reset()
    network.run(1)
    found = numbers(web)
    assert 'netforge_http_open_requests{service="web",site="main"} 0.0\n' in found
    assert total.format("GET", "/hang/*", "2xx", 1) in found


def test_routes_without_end_are_one(sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netforge.services.web.around.measures.MOST_ROUTES", 2)
    web = sites(METERED)
    for number in range(4):
        web.ask(f"/one/two/{number}")
    found = numbers(web)
    assert 'route="/one/two/1",service="web",site="main",status="2xx"} 1.0' in found
    assert 'route="/one/two/2"' not in found
    assert 'route="other",service="web",site="main",status="2xx"} 2.0' in found


def test_without_metrics_no_component_is_needed(sites: Sites) -> None:
    web = sites(f"[services.web.sites.main]\nmetrics = false\nat.'/'.site = '{HERE}:show'")
    [plan] = [plan for plan in web.lab.forge.blueprint.plans if plan.name == "web"]
    assert IMetrics not in plan.plugin.needed(plan.settings)
    assert web.ask().status == 200
