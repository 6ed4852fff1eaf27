"""Error pages: in the words that the client understands, or the operator's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netforge.host.errors import ServiceFailed
from netforge.services.web.around.accept import best
from netforge.testing import Network
from tests.services.web.conftest import Sites, Web

HERE = "tests.services.web.applications"
SITE = f"""
[services.web.sites.main]
{{}}
at."/refuse".site = "{HERE}:refuse"
at."/afterwards".site = "{HERE}:refuse_afterwards"
at."/break".site = "{HERE}:break_later"
at."/missing".site = "{HERE}:missing"
at."/gone".respond = {{{{ text = "gone", status = 410, fields = {{{{ Etag = "x" }}}} }}}}
at."/page".respond = "page"
"""
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def web(sites: Sites) -> Web:
    """A site whose pages are those that are made here."""
    return sites(SITE.format(""))


def test_browsers_get_a_page(web: Web) -> None:
    status, fields, body = web.ask("/refuse", fields=BROWSER)
    assert status == 409
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert fields["vary"] == "accept"
    assert fields["x-who"] == "them"
    assert "<title>409 Conflict</title>" in body
    assert "<p>Somebody &lt;else&gt; was faster.</p>" in body
    assert "There is no such page." in web.ask("/", fields=BROWSER).body


def test_who_fails_afterwards_has_a_page_too(web: Web) -> None:
    status, fields, body = web.ask("/afterwards", fields=BROWSER)
    assert (status, fields["content-type"]) == (409, "text/html; charset=utf-8")
    assert "<p>Somebody &lt;else&gt; was faster.</p>" in body


def test_programs_get_problem_details(web: Web) -> None:
    for accept in ("application/json", "application/problem+json", "application/*"):
        status, fields, body = web.ask("/refuse", fields={"Accept": accept})
        assert (status, fields["content-type"]) == (409, "application/problem+json")
        assert json.loads(body) == {"title": "Conflict", "status": 409, "detail": "somebody <else> was faster"}


def test_others_get_a_line(web: Web) -> None:
    for fields in ({}, {"Accept": "*/*"}, {"Accept": "image/png"}):
        status, said, body = web.ask("/refuse", fields=fields)
        assert (status, body) == (409, "409 Conflict: somebody <else> was faster\n")
        assert said["content-type"] == "text/plain; charset=utf-8"


def test_mistakes_are_not_shown(web: Web, network: Network) -> None:
    status, _, body = web.ask("/break", fields=BROWSER)
    assert status == 500
    assert "a mistake" not in body
    assert "Something went wrong here." in body
    assert [str(failure.value) for failure in network.failures] == ["a mistake"]
    network.failures.clear()


def test_what_applications_answer_stays(web: Web) -> None:
    assert web.ask("/missing", fields=BROWSER).body == "none"
    assert web.ask("/gone", fields=BROWSER).body == "gone"


def test_pages_of_the_operators_own(sites: Sites, tmp_path: Path) -> None:
    (tmp_path / "404.html").write_text("<h1>where?</h1>")
    (tmp_path / "4xx.json").write_text("{}")
    web = sites(SITE.format('errors = { pages = false, files = { 404 = "404.html", 4xx = "4xx.json" } }'))
    for path in ("/", "/missing"):
        status, fields, body = web.ask(path)
        assert (status, fields["content-type"], body) == (404, "text/html; charset=utf-8", "<h1>where?</h1>")
        assert fields["content-length"] == "15"
    assert web.ask("/missing").fields["x-own"] == "yes"
    status, fields, body = web.ask("/gone")
    assert (status, fields["content-type"], body) == (410, "application/json", "{}")
    assert "etag" not in fields
    assert web.ask("/refuse").body == "{}"
    assert web.ask("/page").body == "page"
    assert web.ask("/missing", "HEAD").body == ""


def test_a_changed_page_is_read_again_at_a_reload(sites: Sites, tmp_path: Path) -> None:
    page = tmp_path / "404.html"
    page.write_text("one")
    web = sites(SITE.format('errors = { files = { 404 = "404.html" } }'))
    page.write_text("another")
    assert web.lab.reload(web.settings).replaced == ["web"]
    assert web.ask().body == "another"


def test_without_pages_errors_are_a_line(sites: Sites) -> None:
    web = sites(SITE.format("errors = false"))
    assert web.ask("/refuse", fields=BROWSER).body == "409 Conflict: somebody <else> was faster\n"


def test_a_page_that_is_not_there_is_an_error_at_the_start(sites: Sites, network: Network) -> None:
    with pytest.raises(ServiceFailed, match="No such file"):
        sites(SITE.format('errors = { files = { 404 = "nowhere.html" } }'))
    network.failures.clear()


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "a/b"),
        ("c/d", "c/d"),
        ("c/*", "c/d"),
        ("*/*", "a/b"),
        ("a/b;q=0.5, c/d;q=0.6", "c/d"),
        ("a/b;q=0, */*;q=0.1", "c/d"),
        ("C/D; charset=x; Q=1", "c/d"),
        ("c/d;q=x", "a/b"),
        ("x/y", "a/b"),
        (";,,", "a/b"),
    ],
)
def test_what_a_client_likes_best(accept: str, chosen: str) -> None:
    assert best(["a/b", "c/d"], accept) == chosen
