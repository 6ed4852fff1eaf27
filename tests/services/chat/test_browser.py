"""The chat in the browser, up to the WebSocket: who is in a room with people at terminals, and for how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint

from netforge.protocols.websocket import Closed, Limits, WebSocket, connect
from netforge.services.chat.browser import visitors
from netforge.services.chat.objects import plain
from netforge.testing import Lab, Network, Peer

if TYPE_CHECKING:
    from netforge.testing.pytest_plugin import MakeLab

WEB = """
[services.web]
listen = ["tcp:80"]
sites.main.at."/chat".service = "chat"
"""
SETTINGS = f"""
{WEB}
[services.chat]
lines = ["tcp:7070"]
"""


class Browser:
    """What a page does.

    :ivar socket: its WebSocket.
    """

    def __init__(self, network: Network, **options: Any) -> None:
        self._network = network
        machine = network.machine("client")
        endpoint = HostnameEndpoint(machine.reactor, "server", 80)
        connecting = connect(
            endpoint,
            "ws://server/chat/socket",
            clock=machine.reactor,
            origin="http://server",
            entropy=lambda size: b"e" * size,
            **options,
        )
        self._do = lambda work: network.schedule.soon(machine, work)
        self.socket: WebSocket = network.run_until(connecting)

    def hear(self) -> Any:
        """The next object."""
        return json.loads(self._network.run_until(self.socket.receive()))

    def hear_until(self, kind: str) -> Any:
        """The next object of a type."""
        while (heard := self.hear())["type"] != kind:
            pass
        return heard

    def ask(self, request: dict[str, Any] | str | bytes) -> Any:
        """Send a request, and return its answer."""
        message = json.dumps({**request, "id": "x"}) if isinstance(request, dict) else request
        self._do(lambda: self.socket.send(message))
        while (heard := self.hear()).get("id") != "x" and heard["type"] != "refused":
            pass
        return heard

    def send(self, *messages: str) -> None:
        """Send messages at once."""

        def send() -> None:
            for message in messages:
                self.socket.send(message)

        self._do(send)

    def enter(self, nick: str, room: str = "lobby") -> Any:
        """Take a name and go into a room."""
        assert self.ask({"type": "nick", "nick": nick})["type"] == "done"
        return self.ask({"type": "join", "room": room})

    def close(self) -> None:
        """Close the page."""
        self._do(lambda: self.socket.close(1001))

    def vanish(self) -> None:
        """Be gone without a word."""
        self._do(self.socket.abort)


def person(lab: Lab, nick: str) -> Peer:
    """Somebody at a terminal, in the lobby."""
    peer = lab.connect("chat")
    peer.send(f"/nick {nick}\n/join lobby\n".encode())
    peer.receive_until(f"* {nick} joined lobby\r\n".encode())
    return peer


@pytest.fixture
def served(lab: MakeLab) -> Lab:
    """The chat and the web."""
    return lab(SETTINGS)


def test_people_in_browsers_and_at_terminals_are_in_one_room(served: Lab, network: Network) -> None:
    ada, bob = person(served, "ada"), Browser(network)
    assert bob.hear()["type"] == "welcome"
    view = bob.enter("bob")
    assert (view["room"], view["members"]) == ("lobby", ["ada", "bob"])
    ada.send(b"hello\n")
    assert bob.hear_until("said")["text"] == "hello"
    assert bob.ask({"type": "say", "room": "lobby", "text": "hi <b>there</b>"})["type"] == "done"
    assert ada.receive_until(b"bob> hi <b>there</b>\r\n").endswith(b"[lobby] <bob> hi <b>there</b>\r\n")
    ada.send(b"/msg bob psst\n")
    told = bob.hear_until("told")
    assert (told["nick"], told["text"]) == ("ada", "psst")


def test_what_cannot_be_done_is_refused(served: Lab, network: Network) -> None:
    person(served, "ada")
    bob = Browser(network)
    bob.enter("bob")
    requests: list[tuple[Any, str]] = [
        ({"type": "nick", "nick": "ADA"}, "Somebody else is called ADA."),
        ({"type": "say", "room": "lobby", "text": "x" * 513}, "A message has at most 512 bytes; this one has 513."),
        ({"type": "shout"}, "type: expected act, join"),
        ("hello", "not JSON"),
        (b"\xff", "not JSON"),
    ]
    for request, message in requests:
        answer = bob.ask(request)
        assert answer["type"] == "refused"
        assert message in answer["message"]
    assert bob.ask(b'{"type": "who", "room": "lobby", "id": "x"}')["members"] == ["ada", "bob"]


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (Browser.close, b"* bob left\r\n"),
        (Browser.vanish, b"* bob left (connection lost)\r\n"),
        (lambda bob: bob.ask({"type": "quit", "text": "tea"}), b"* bob left (tea)\r\n"),
    ],
)
def test_who_closes_the_page_has_left(served: Lab, network: Network, leave: Any, said: bytes) -> None:
    ada, bob = person(served, "ada"), Browser(network)
    bob.enter("bob")
    ada.receive_until(b"* bob joined lobby\r\n")
    leave(bob)
    assert ada.receive_until(b"\r\n") == said
    network.run(1)
    assert bob.socket.closed is not None
    ada.send(b"/nick bob\n")
    ada.receive_until(b"* ada is now called bob\r\n")


def test_who_reads_too_slowly_is_cut_and_slows_nobody(served: Lab, network: Network) -> None:
    served.reload(f"{SETTINGS}message = 4096\nunsent = 16384\n")
    ada = person(served, "ada")
    network.link("client", "server", bandwidth=10_000_000)
    bob, cyd = Browser(network, limits=Limits(unread=1), compress=False), Browser(network)
    bob.enter("bob")
    cyd.enter("cyd")
    said = 0
    while b"* bob left (reads too slowly)\r\n" not in ada.received:
        ada.send(b"x" * 4000 + b"\n")
        said += 1
        assert cyd.hear_until("said")["nick"] == "ada"
        assert said < 100
    assert said * 4000 > 64 * 1024 + 16384
    with pytest.raises(Closed):
        while True:
            bob.hear()


def test_who_asks_for_much_gets_it_as_fast_as_it_is_read(served: Lab, network: Network) -> None:
    ada, bob = person(served, "ada"), Browser(network, limits=Limits(unread=1), compress=False)
    ada.send(f"/topic {'x' * 256}\n".encode())
    bob.send(*[json.dumps({"type": "who", "room": "lobby"})] * 1500, json.dumps({"type": "nick", "nick": "bob"}))
    network.run(1)
    ada.send(b"/msg bob hello\n")
    ada.receive_until(b"* Nobody is called bob.\r\n")
    assert [bob.hear()["type"] for _ in range(1501)] == ["welcome", *["room"] * 1500]
    assert bob.hear_until("renamed")["to"] == "bob"


def test_who_says_very_much_at_once_has_nobody_dropped(served: Lab, network: Network) -> None:
    room = "r" * 32
    # The way to her takes no time, and what is said comes compressed, so very much of it in one turn of the reactor.
    ada, bob = served.connect("chat", machine="server"), Browser(network)
    ada.send(f"/join {room}\n".encode())
    bob.enter("b" * 20, room)
    bob.send(*[json.dumps({"type": "say", "room": room, "text": f"{number}"}) for number in range(2500)])
    assert ada.receive_until(b"> 2499\r\n").count(b"\r\n") > 2500


def test_an_event_is_put_into_words_once(served: Lab, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, browsers = person(served, "ada"), [Browser(network) for _ in range(5)]
    for number, browser in enumerate(browsers):
        browser.enter(f"bob{number}")
    made: list[object] = []

    def counted(event: Any) -> dict[str, Any]:
        made.append(event)
        return plain(event)

    monkeypatch.setattr(visitors, "plain", counted)
    ada.send(b"hello\n")
    assert {browser.hear_until("said")["text"] for browser in browsers} == {"hello"}
    assert len(made) == 1


def test_a_reload_of_everything_leaves_everybody_in_their_rooms(served: Lab, network: Network) -> None:
    ada, bob = person(served, "ada"), Browser(network)
    bob.enter("bob")
    change = served.reload(f"{SETTINGS}message = 5\n".replace("[services.web]", "[services.web]\nidle = 30"))
    assert {"chat", "web"} <= {*change.replaced}
    ada.send(b"hello\n")
    assert bob.hear_until("said")["text"] == "hello"
    assert bob.ask({"type": "say", "room": "lobby", "text": "longer"})["type"] == "refused"
    cyd = Browser(network)
    assert cyd.enter("cyd")["members"] == ["ada", "bob", "cyd"]
    assert bob.hear_until("joined")["nick"] == "cyd"
    # Now nobody of the old instance is left.
    ada.close()
    network.run(3600)
    assert bob.socket.closed is None


def test_without_the_chat_pages_are_told_to_come_again_later(served: Lab, network: Network) -> None:
    bob = Browser(network)
    bob.enter("bob")
    served.reload(WEB)
    with pytest.raises(Closed, match="1001: the chat is stopping"):
        while True:
            bob.hear()
    assert ask(served, "/chat/").startswith(b"HTTP/1.1 503 ")


def test_a_stop_does_not_wait_for_pages(served: Lab, network: Network) -> None:
    bob = Browser(network)
    bob.enter("bob")
    assert served.stop() < 5
    with pytest.raises(Closed, match="1001"):
        while True:
            bob.hear()


def ask(lab: Lab, path: str, *fields: str) -> bytes:
    """Ask for a page."""
    peer = lab.connect("web")
    said = "".join(f"{field}\r\n" for field in ("Host: server", "Connection: close", *fields))
    peer.send(f"GET {path} HTTP/1.1\r\n{said}\r\n".encode())
    return peer.receive_all()


def test_the_page_runs_nothing_but_its_own_files(served: Lab) -> None:
    head, _, page = ask(served, "/chat/").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-security-policy: default-src 'none'; script-src 'self';" in head
    for inside in (b"<script>", b"<style", b" style=", b" on", b"http:", b"https:"):
        assert inside not in page.replace(b" once", b"")
    assert b'<script type="module" src="files/main.js">' in page
    assert b"javascript; charset=utf-8\r\n" in ask(served, "/chat/files/main.js")
    assert ask(served, "/chat").startswith(b"HTTP/1.1 303 See Other\r\nlocation: /chat/\r\n")
    assert ask(served, "/chat/site.py").startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("path", ["/chat/", "/chat/files/chat.css"])
def test_what_a_browser_has_already_is_not_sent_again(served: Lab, path: str) -> None:
    head = ask(served, path).partition(b"\r\n\r\n")[0].decode()
    assert "cache-control: no-cache" in head
    tag = next(line for line in head.split("\r\n") if line.startswith("etag: ")).removeprefix("etag: ")
    answer = ask(served, path, f"If-None-Match: {tag}")
    assert answer.startswith(b"HTTP/1.1 304 ")
    assert answer.endswith(b"\r\n\r\n")
