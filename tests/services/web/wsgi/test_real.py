"""The pages on Flask, Django and Klein, done as they say, with real sockets and clients."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, Launch, Server, launch
from tests.docs.conftest import DOCS, blocks, examples

__all__ = ["examples", "launch"]

pytestmark = pytest.mark.real

PREPARE = """
import os, sys
sys.path.insert(0, "django_site")
os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
import django
from django.core.management import call_command
django.setup()
for command in sys.argv[1:]:
    call_command(command, interactive=False, verbosity=0)
"""


def curl(address: str, path: str, *options: object) -> str:
    """What curl prints."""
    command = ["curl", "-sS", "--max-time", str(PATIENCE), *map(str, options), f"http://{address}{path}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def served(launch: Launch, folder: Path, name: str, page: str) -> Server:
    """What a page says to run, on a port that is free."""
    assert f"$ netforge run {name}\n" in "".join(blocks(DOCS / page, "console"))
    file = folder / name
    file.write_text(file.read_text().replace(":8000", ":0"))
    server = launch("netforge", "run", name, "--ready-file", "ready.json")
    server.wait_ready()
    return server


def test_flask(launch: Launch, examples: Path) -> None:
    server = served(launch, examples, "flask.toml", "flask.rst")
    address = server.address("web")
    for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
        assert "Guest book" in curl(address, "/", version)
        curl(address, "/", version, "--data-urlencode", f"entry=hello <{version}>")
    assert re.findall("<li>hello &lt;(.*?)&gt;", curl(address, "/")) == [
        "--http1.0",
        "--http1.1",
        "--http2-prior-knowledge",
    ]
    assert "405 Method Not Allowed" in curl(address, "/", "-X", "PUT")
    assert server.end() == 0


def test_flask_in_a_twisted_program(examples: Path) -> None:
    command = [sys.executable, "embedded_wsgi.py", "0"]
    with subprocess.Popen(command, cwd=examples, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"port=(\d+)", process.stdout.readline())
        assert found
        assert curl(f"127.0.0.1:{found[1]}", "/") == "hello\n"
        process.terminate()
        process.wait(PATIENCE)


def test_django(launch: Launch, examples: Path) -> None:
    shown = [line for block in blocks(DOCS / "django.rst", "console") for line in block.splitlines()]
    commands = [line.split()[-1] for line in shown if "manage.py" in line]
    assert commands == ["migrate", "createsuperuser", "collectstatic"]
    environment = {
        "DJANGO_SUPERUSER_USERNAME": "ada",
        "DJANGO_SUPERUSER_PASSWORD": "difference engine",
        "DJANGO_SUPERUSER_EMAIL": "ada@example.org",
    }
    subprocess.run([sys.executable, "-c", PREPARE, *commands], cwd=examples, env=environment, check=True)
    server = served(launch, examples, "django.toml", "django.rst")
    address = server.address("web")
    jar = ("-c", examples / "jar", "-b", examples / "jar", "-H", f"Referer: http://{address}/")

    def send(path: str, *fields: str) -> str:
        """Send a form with the token of its page."""
        page = curl(address, "/accounts/login/" if "login" in path else "/", *jar)
        token = re.search('name="csrfmiddlewaretoken" value="(.*?)"', page)
        assert token
        data = [("--data-urlencode", field) for field in (f"csrfmiddlewaretoken={token[1]}", *fields)]
        return curl(address, path, *jar, *(word for pair in data for word in pair), "-w", "%{http_code}")

    assert "There are no notes yet" in curl(address, "/")
    assert curl(address, "/admin/", "-w", "%{http_code} %{redirect_url}").endswith("/admin/login/?next=/admin/")
    assert send("/accounts/login/", "username=ada", "password=wrong").endswith("200")
    assert send("/accounts/login/", "username=ada", "password=difference engine").endswith("302")
    assert send("/write/", "text=<b>hello</b> & café").endswith("302")
    assert "&lt;b&gt;hello&lt;/b&gt; &amp; café" in curl(address, "/")
    assert "Site administration" in curl(address, "/admin/", *jar)
    assert "DJANGO" in curl(address, "/static/admin/css/base.css")
    assert curl(address, "/write/", "-d", "text=forged", "-w", "%{http_code}").endswith("403")
    assert curl(address, "/", "-H", "Host: elsewhere.org", "-o", examples / "page", "-w", "%{http_code}") == "400"
    assert server.end() == 0


def test_klein_and_twisted_web(launch: Launch, examples: Path) -> None:
    server = served(launch, examples, "klein.toml", "twisted-web.rst")
    address = server.address("web")
    for version in ("--http1.0", "--http1.1", "--http2-prior-knowledge"):
        assert curl(address, "/hello/ada%20l", version) == "hello, ada l\n"
    assert curl(address, "/count") == "1\n"
    assert curl(address, "/count/and/more") == "2\n"
    assert curl(address, "/nowhere", "-o", examples / "page", "-w", "%{http_code}") == "404"
    assert server.end() == 0
