"""``netforge http`` on the simulated network."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netforge.plugin import IOutbound, OutboundFailed, OutboundTimeouts
from netforge.protocols.http import Exchange
from netforge.shared.outbound.command import HTTPOptions
from netforge.shared.outbound.command.downloading import Download
from netforge.shared.outbound.command.running import run
from netforge.shared.outbound.command.showing import Screen
from tests.shared.outbound.conftest import World
from tests.shared.outbound.parts import CONTENT, Parts


class Terminal(io.StringIO):
    """What is taken for a terminal."""

    def isatty(self) -> bool:
        return True


class Surroundings:
    """A command's context."""

    def __init__(self, world: World, **rules: Any) -> None:
        self.reactor = world.machine.reactor
        self.random = world.network.random_for("the command")
        self.client = world.client(**rules)

    def __getitem__(self, interface: Any) -> Any:
        assert interface is IOutbound
        return self.client


def status_of(world: World, method: str, url: str = "server", **options: Any) -> int:
    """The exit status of a command."""
    context: Any = Surroundings(world)
    try:
        world.run(run(context, HTTPOptions(method=method, url=url, **options)))
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def shown(world: World, **options: Any) -> str:
    """What a terminal shows of a response."""
    out = Terminal()

    async def show() -> None:
        reply = await world.client().request("GET", "http://server/", **options)
        await Screen(out, out, timing=False).show(reply)

    world.run(show())
    return out.getvalue()


async def echo(exchange: Exchange) -> None:
    body = await exchange.body(1 << 20)
    exchange.respond(404 if exchange.request.target == "/missing" else 200, [(b"content-type", b"text/plain")], body)


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ({"data": "text"}, b"text", ""),
        ({"json_": '{"a": [1]}'}, b'{"a":[1]}', "application/json"),
        ({"form": ["a=b=c", "d=e f"]}, b"a=b%3Dc&d=e+f", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_sent(world: World, capfdbinary: Any, options: dict[str, Any], body: bytes, kind: str) -> None:
    world.serve(echo)
    assert status_of(world, "POST", header=["X-A: b"], user="ada:pass", **options) == 0
    assert capfdbinary.readouterr().out == body
    fields = world.seen[0][2]
    assert (fields["x-a"], fields["authorization"], fields.get("content-type", "")) == ("b", "Basic YWRhOnBhc3M=", kind)


def test_a_file_is_sent_piece_by_piece(world: World, capfdbinary: Any, tmp_path: Path) -> None:
    world.serve(echo)
    (tmp_path / "file").write_bytes(CONTENT[:200_000])
    assert status_of(world, "PUT", data=f"@{tmp_path}/file") == 0
    assert capfdbinary.readouterr().out == CONTENT[:200_000]
    assert world.seen[0][2]["content-length"] == "200000"


def test_exit_statuses(world: World, capfd: Any) -> None:
    world.serve(echo)
    assert status_of(world, "GET", "server/missing") == 0
    assert status_of(world, "GET", "server/missing", fail=True) == 1
    assert status_of(world, "GET", "ftp://server/") == 2
    assert status_of(world, "POST", json_="{") == 2
    assert status_of(world, "PUT", data="@/no/such/file") == 2
    capfd.readouterr()
    assert status_of(world, "GET", "nowhere") == 3
    assert capfd.readouterr().err == (
        "Error: http://nowhere/: there is no host called nowhere (stage: DNS)\n"
        "Is the name spelled right, and does this computer's DNS work?\n"
    )


def test_options_that_do_not_fit() -> None:
    for wrong in ({"header": ["x"]}, {"form": ["x"]}, {"data": "a", "json_": "1"}, {"output": "x"}, {"proxy": "x://y"}):
        with pytest.raises(ValidationError):
            HTTPOptions(method="GET", url="x", **wrong)
    with pytest.raises(ValidationError):
        HTTPOptions(method="POST", url="x", download=True)


def test_a_terminal_sees_head_body_and_times(world: World) -> None:
    fields = [(b"content-type", b"application/json; charset=utf-8"), (b"x-evil", b"a\x1b[31mb")]
    world.serve(lambda exchange: exchange.respond(200, fields, b'{"a":[1,"\\u001b"]}'))
    text = shown(world)
    assert "200 OK" in text and "content-type" in text and '"a"' in text
    assert "DNS " in text and "first byte " in text and "total " in text


@pytest.mark.parametrize("body", [b"a\x1b[2Jb", "a\x9b2Jb".encode(), b"\x07", b"\x1b]0;title\x07"])
def test_a_server_does_not_command_the_terminal(world: World, body: bytes) -> None:
    def either(exchange: Exchange) -> None:
        exchange.respond(200, [(b"content-type", exchange.request.target[1:].encode())], body)

    world.serve(either)
    out = io.StringIO()

    async def show() -> None:
        screen = Screen(out, out, timing=False)
        for kind in ("text/plain", "application/json"):
            reply = await world.client().request("GET", f"http://server/{kind}")
            screen._head(reply)
            await screen._body(reply)

    world.run(show())
    assert all(one.isprintable() or one == "\n" for one in out.getvalue())


def test_a_terminal_is_not_shown_what_is_no_text(world: World) -> None:
    world.serve(lambda exchange: exchange.respond(200, [(b"content-type", b"image/png")], bytes(10)))
    assert "the body is image/png: use --download, or a pipe" in shown(world)


class Silent:
    """Shows no progress."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def begin(self, done: int, total: int | None) -> None:
        self.seen.append((done, total))

    def advance(self, size: int) -> None:
        pass

    def end(self) -> None:
        pass


URL = "http://server/file.bin"


def download(world: World, path: Path, progress: Silent | None = None) -> int:
    client = world.client(retries=0, timeouts=OutboundTimeouts(body=5))

    async def ask(*fields: tuple[str, str], decode: bool = True) -> Any:
        return await client.request("GET", URL, headers=fields, decode=decode)

    reply = world.run(Download(URL, path, progress or Silent()).run(ask))
    return int(reply.status)


def test_a_download_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    parts, path, progress = Parts(), tmp_path / "file.bin", Silent()
    world.serve(parts, idle=None)
    with pytest.raises(OutboundFailed):
        download(world, path)
    have = (tmp_path / "file.bin.part").stat().st_size
    assert not path.exists() and have == len(CONTENT) // 2
    parts.whole = True
    assert download(world, path, progress) == 206
    assert path.read_bytes() == CONTENT
    assert parts.ranges == ["", f"bytes={have}-"]
    assert progress.seen == [(have, len(CONTENT))]
    assert [one.name for one in tmp_path.iterdir()] == ["file.bin"]


def test_a_download_of_what_has_changed_begins_again(world: World, tmp_path: Path) -> None:
    parts, path = Parts(), tmp_path / "file.bin"
    world.serve(parts, idle=None)
    with pytest.raises(OutboundFailed):
        download(world, path)
    parts.tag, parts.content, parts.whole = b'"v2"', CONTENT[::-1], True
    assert download(world, path) == 200
    assert path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", [b'W/"weak"', b""])
def test_a_download_that_nobody_vouches_for_begins_again(world: World, tmp_path: Path, tag: bytes) -> None:
    parts, path = Parts(tag), tmp_path / "file.bin"
    world.serve(parts, idle=None)
    with pytest.raises(OutboundFailed):
        download(world, path)
    parts.whole = True
    assert download(world, path) == 200
    assert parts.ranges == ["", ""]


def test_a_download_of_another_url_begins_again(world: World, tmp_path: Path) -> None:
    parts, path = Parts(), tmp_path / "file.bin"
    world.serve(parts, idle=None)
    with pytest.raises(OutboundFailed):
        download(world, path)
    about = tmp_path / "file.bin.part.json"
    about.write_text(about.read_text().replace("file.bin", "other.bin"))
    parts.whole = True
    assert download(world, path) == 200
    assert path.read_bytes() == CONTENT


def test_a_range_that_is_no_more_begins_again(world: World, tmp_path: Path) -> None:
    parts, path = Parts(), tmp_path / "file.bin"
    world.serve(parts, idle=None)
    with pytest.raises(OutboundFailed):
        download(world, path)
    parts.whole = True

    def short(exchange: Exchange) -> None:
        if exchange.request.header(b"range"):
            exchange.respond(416)
        else:
            parts(exchange)

    world.serve(short, "server2")
    world.network.names.add("server", world.network.machine("server2").address)
    assert download(world, path) == 200
    assert path.read_bytes() == CONTENT


def test_another_range_than_was_asked_for_is_not_saved(world: World, tmp_path: Path) -> None:
    def shifted(exchange: Exchange) -> None:
        size = len(CONTENT)
        exchange.respond(206, [(b"content-range", b"bytes 7-%d/%d" % (size - 1, size))], CONTENT[7:])

    for name, application in (("one", Parts()), ("two", shifted)):
        world.serve(application, name, idle=None)
        world.network.names.add("server", world.network.machine(name).address)
        with pytest.raises(OutboundFailed):
            download(world, tmp_path / "file.bin")
    assert (tmp_path / "file.bin.part").stat().st_size == len(CONTENT) // 2


def test_an_error_is_not_saved(world: World, tmp_path: Path) -> None:
    world.serve(lambda exchange: exchange.respond(404, [], b"no"))
    assert download(world, tmp_path / "file.bin") == 404
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://server/", "server", "server/a/..", "http://server/%2e%2e", "server/%00"])
def test_a_url_without_a_name_needs_output(url: str) -> None:
    with pytest.raises(ValueError, match="give one with --output"):
        Download(url, None, Silent())


def test_the_name_of_a_url_stays_in_this_folder() -> None:
    assert Download("server/a/..%2f..%2fetc%2fpasswd", None, Silent()).path == Path("passwd")
    assert Download("http://server/a/b.tar.gz?x", None, Silent()).path == Path("b.tar.gz")
