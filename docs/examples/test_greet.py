"""Tests of the plugin ``greet`` on a simulated network: no ports, and no waiting."""

from pathlib import Path

from netforge.testing import Network
from netforge.testing.pytest_plugin import MakeLab

PLUGINS = Path(__file__).parent / "plugins"
SETTINGS = """
[services.greet]
listen = ["tcp:127.0.0.1:7101"]
word = "Welcome"
idle = 10
"""


def test_a_greeting_for_each_line(lab: MakeLab) -> None:
    client = lab(SETTINGS, plugin_dirs=[PLUGINS]).connect("greet")
    client.send(b"Ada\nGra")
    client.send(b"ce\n")
    assert client.receive(30) == b"Welcome, Ada!\nWelcome, Grace!\n"


def test_silence_is_cut(lab: MakeLab, network: Network) -> None:
    client = lab(SETTINGS, plugin_dirs=[PLUGINS]).connect("greet")
    network.run(9)
    assert not client.closed
    network.run(2)
    assert client.cut
