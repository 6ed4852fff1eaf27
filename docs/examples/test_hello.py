"""The smallest test, of the smallest plugin."""

from pathlib import Path

from netforge.testing.pytest_plugin import MakeLab

PLUGINS = Path(__file__).parent / "plugins"


def test_hello(lab: MakeLab) -> None:
    server = lab("[services.hello]", plugin_dirs=[PLUGINS])
    assert server.connect("hello").receive_all() == b"hello\r\n"
