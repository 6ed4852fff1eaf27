"""What can be served at a path, of the kinds that are no folder of their own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import ValidationError

from netforge.host.errors import ServiceFailed
from netforge.plugin import Settings
from netforge.services.web.kinds import KINDS, Kind
from netforge.services.web.redirect import RedirectSettings
from netforge.testing import Network
from tests.services.web import applications
from tests.services.web.conftest import Sites

HERE = "tests.services.web.applications"
THERE = [kind for kind in KINDS.values() if find_spec(f"netforge.services.web.{kind.module}")]


@pytest.mark.parametrize("kind", THERE, ids=[kind.module for kind in THERE])
def test_a_kind_has_settings_and_a_host(kind: Kind) -> None:
    settings = kind._load(kind.settings_name)
    assert issubclass(settings, Settings)
    assert settings.__doc__
    assert [name for name, field in settings.model_fields.items() if not field.description] == []
    assert callable(kind._load(kind.host_name))


def test_kinds_are_imported_when_they_are_used() -> None:
    modules = [f"netforge.services.web.{kind.module}" for kind in KINDS.values()]
    program = f"import sys; import netforge.services.web; print(sorted(sys.modules.keys() & {modules!r}))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("kind", "settings", "body"),
    [
        ("static", '"files"', "a page"),
        ("wsgi", f'"{HERE}:wsgi"', "/at|/page"),
        ("asgi", f'{{ app = "{HERE}:asgi", lifespan = "off" }}', "/at|/at/page"),
        ("resource", f'"{HERE}:resource"', "at/|/page"),
        ("proxy", '"http://127.0.0.1:8080"', "|/at/page|"),
    ],
)
def test_a_kind_of_a_folder_of_its_own_answers(
    sites: Sites, tmp_path: Path, kind: str, settings: str, body: str
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "page").write_text("a page")
    web = sites(
        f"""
        [services.web.sites.main]
        hosts = ["example.org"]
        at."/at".{kind} = {settings}
        [services.upstream]
        service = "web"
        listen = ["tcp:127.0.0.1:8080"]
        sites.main.at."/".site = "{HERE}:show"
        """
    )
    reply = web.ask("/at/page")
    assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize(
    ("settings", "path", "status", "location"),
    [
        ("'https://example.net/new'", "/old/a?b", 308, "https://example.net/new"),
        ("{ to = '/new', status = 302 }", "/old", 302, "/new"),
        ("{ to = 'https://example.net', rest = true }", "/old", 308, "https://example.net"),
        ("{ to = 'https://example.net', rest = true }", "/old/", 308, "https://example.net/"),
        (
            "{ to = 'https://example.net/new/', rest = true }",
            "/old/a%20b/?c=d",
            308,
            "https://example.net/new/a%20b/?c=d",
        ),
        ("{ to = '/', rest = true }", "/old//example.com/", 308, "/example.com/"),
        ("{ to = '/', rest = true }", "/old/%5Cexample.com", 308, "/%5Cexample.com"),
        ("{ to = '/', rest = true }", "/old/\\/example.com", 308, "/example.com"),
        ("{ to = '/', rest = true }", "/ol%64/a", 308, "/a"),
    ],
)
def test_a_redirect(sites: Sites, settings: str, path: str, status: int, location: str) -> None:
    reply = sites(f'[services.web.sites.main]\nat."/old".redirect = {settings}\n').ask(path)
    assert (reply.status, reply.fields["location"]) == (status, location)


@pytest.mark.parametrize("to", ["/new?a=b", "https://example.net/#a"])
def test_the_rest_of_a_path_follows_a_path(to: str) -> None:
    with pytest.raises(ValidationError, match="rest = true adds to the path"):
        RedirectSettings(to=to, rest=True)
    assert RedirectSettings(to=to).to == to


def test_a_redirect_of_a_whole_site(sites: Sites) -> None:
    web = sites("[services.web.sites.main]\nat.'/'.redirect = { to = 'https://example.net', rest = true }\n")
    assert web.ask("/a/b").fields["location"] == "https://example.net/a/b"
    assert web.ask("/").fields["location"] == "https://example.net/"
    assert web.ask("/a/../b").status == 400


def test_an_answer(sites: Sites) -> None:
    web = sites("""
        [services.web.sites.main]
        at."/".respond = "pong"
        at."/gone".respond = { status = 410, text = "<p>gone", type = "text/html", fields = { X-Why = "old" } }
        at."/empty".respond = { status = 204 }
        """)
    assert web.ask()[::2] == (200, "pong")
    assert web.ask().fields["content-type"] == "text/plain; charset=utf-8"
    status, fields, body = web.ask("/gone")
    assert (status, fields["content-type"], fields["x-why"], body) == (410, "text/html", "old", "<p>gone")
    assert web.ask(method="HEAD").body == ""
    assert "content-type" not in web.ask("/empty").fields


def test_an_application(sites: Sites) -> None:
    web = sites(f"""
        [services.web.sites.main]
        at."/a".site = "{HERE}:show"
        at."/b/c".site = {{ app = "{HERE}:Application.show" }}
        """)
    assert web.ask("/a/x").body == "/a|/x|"
    assert web.ask("/b/c").body == "/b/c||"


def test_an_application_that_is_made_with_what_it_uses(sites: Sites) -> None:
    applications.said.clear()
    web = sites(f"""
        [services.web.sites.main]
        at."/".site = {{ app = "{HERE}:make", make = true, uses = ["metrics"] }}
        metrics = false
        """)
    assert applications.said == ["start"]
    assert web.ask().body == "web"
    web.lab.stop()
    assert applications.said == ["start", "stop"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (f"'{HERE}:nobody'", f"{HERE}:nobody: there is no nobody in {HERE}"),
        (f"'{HERE}:nothing'", f"{HERE}:nothing is no application: None cannot be called"),
        ("'tests.nowhere:x'", "No module named 'tests.nowhere'"),
        (f"{{ app = '{HERE}:make', make = true }}", "add needs=[IMetrics]"),
    ],
)
def test_an_application_that_is_not_there(sites: Sites, network: Network, settings: str, message: str) -> None:
    with pytest.raises(ServiceFailed) as caught:
        sites(f"[services.web.sites.main]\nmetrics = false\nat.'/'.site = {settings}\n")
    assert message in str(caught.value)
    network.failures.clear()
