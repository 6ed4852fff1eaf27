"""The fixtures, in runs of pytest within this one, and in this one itself."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.testing import Lab, Network, ServerProcess
from netforge.testing.fixtures.process import _toml

pytest_plugins = ["pytester"]

ECHO = '[services.echo]\nlisten = ["tcp:7", "unix:echo.sock", "tcp6:7", "tcp:127.0.0.1:8", "udp:9"]\n'


def test_its_import_is_light() -> None:
    program = """
import sys, netforge.testing.pytest_plugin
print(sorted({"twisted", "pydantic", "zope", "hypothesis", "click"} & {name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    import netforge.testing

    assert all(getattr(netforge.testing, name) for name in netforge.testing.__all__)
    with pytest.raises(AttributeError, match=r"'netforge.testing' has no attribute 'nothing'"):
        _ = netforge.testing.nothing


def test_the_seed_is_an_option_or_a_mark(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_option(network):
            assert network.seed == 5

        @pytest.mark.network(seed=6, global_reactor=True)
        def test_mark(network):
            assert network.seed == 6
        """
    )
    pytester.runpytest_inprocess("--network-seed=5", "--strict-markers").assert_outcomes(passed=2)


def test_what_is_logged_as_a_failure_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def fail(network):
            network.machine("a").reactor.callLater(1, lambda: 1 / 0)
            network.run(2)

        def test_left(network):
            fail(network)

        def test_taken(network):
            fail(network)
            network.failures.clear()
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*not cleared from network.failures*", "*ZeroDivisionError*"])


def test_a_failing_test_shows_the_trace(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(lab):
            peer = lab("[services.echo]\\nlisten = ['tcp:7']").connect("echo")
            peer.send(b"hello")
            assert peer.receive(5) == b"other"
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Simulated network, seed 0*", "*client:* > server:7*5 bytes  b'hello'*"])


@pytest.mark.parametrize("number", range(4))
def test_a_lab_is_connected_to(lab: Any, number: int) -> None:
    peer = lab(ECHO).connect("echo", number)
    peer.send(b"hello, ")
    peer.send(b"you\nthere")
    assert peer.receive(5) == b"hello"
    assert peer.receive_until(b"\n") == b", you\n"
    peer.end()
    assert peer.receive_all() == b"there"
    assert peer.closed
    assert not peer.cut


def test_a_listener_that_is_not_there(lab: Any) -> None:
    with pytest.raises(LookupError, match=r"echo has 4 listeners for streams, not 5; there are echo at tcp:0.0.0.0:7"):
        lab(ECHO).connect("echo", 4)


def test_a_peer_that_waits_in_vain(lab: Any) -> None:
    peer = lab(ECHO).connect("echo")
    peer.send(b"abc")
    with pytest.raises(TimeoutError, match="What was sent last"):
        peer.receive(4)
    peer.pause()
    peer.send(b"def")
    peer.resume()
    assert peer.received == b"abc"
    peer.reset()
    with pytest.raises(EOFError, match="the connection ended after b'abc'"):
        peer.receive(4)


def test_a_peer_that_waits_for_nothing(lab: Any) -> None:
    peer = lab(ECHO).connect("echo")
    peer.send(b"abc")
    assert peer.receive_until(b"") == peer.receive(0) == b""
    assert peer.receive(3) == b"abc"


def test_a_lab_reloads_and_stops(lab: Any, network: Network) -> None:
    running: Lab = lab(ECHO)
    old = running.connect("echo")
    assert str(running.reload()) == "1 unchanged"
    change = running.reload(ECHO + "idle = 5\n")
    assert change.replaced == ["echo"]
    new = running.connect("echo")
    network.run(6)
    assert new.cut
    assert not old.closed
    assert running.stop() < 1
    network.run(1)
    assert old.closed


def test_a_plugin_in_a_file(lab: Any, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text((Path(__file__).parents[2] / "docs/examples/plugins/hello.py").read_text())
    running = lab('[services.hello]\nlisten = "tcp:7"\n', plugin_dirs=[tmp_path])
    assert running.connect("hello").receive_all() == b"hello\r\n"


@pytest.mark.real
def test_a_real_server(netforge_server: Any) -> None:
    server: ServerProcess = netforge_server("echo", idle=5)
    with socket.create_connection((server.host, server.port), timeout=30) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"
    assert "netforge is ready" in server.log
    server.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((server.host, server.port), timeout=30)


@pytest.mark.real
def test_a_real_server_with_a_listener_of_its_own(netforge_server: Any, tmp_path: Path) -> None:
    server: ServerProcess = netforge_server("echo", listen=[{"address": "udp:127.0.0.1:0", "metrics": False}])
    assert server.udp_port > 0
    with pytest.raises(LookupError, match=r"it has no address of tcp; it has udp:127.0.0.1:"):
        _ = server.port


@pytest.mark.real
def test_a_real_server_that_does_not_serve(netforge_server: Any) -> None:
    with pytest.raises(RuntimeError, match=r"it ended with status(.|\n)*no_such_key"):
        netforge_server("echo", no_such_key=True)
    with pytest.raises(LookupError, match="no service 'nothing' is installed; there are chat, echo"):
        netforge_server("nothing")


@pytest.mark.real
def test_a_real_server_in_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    with ServerProcess("echo", {}, tmp_path) as killed:
        killed.kill()
        killed.kill()
    with (
        ServerProcess("echo", {}, tmp_path) as server,
        socket.create_connection((server.host, server.port), timeout=30) as connection,
    ):
        connection.sendall(b"hello")
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"


@pytest.mark.real
def test_a_real_server_that_ended_by_itself_did_not_end_well_though_it_is_killed(tmp_path: Path) -> None:
    server = ServerProcess("echo", {}, tmp_path)
    server._process.kill()
    server._process.wait()
    server.kill()
    with pytest.raises(RuntimeError, match="it ended with status -9"):
        server.stop()


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=["Cs"])) | st.booleans() | st.integers() | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_settings_are_written_as_toml(value: Any) -> None:
    assert tomllib.loads(f"key = {_toml(value)}") == {"key": value}


@pytest.mark.parametrize(("value", "read"), [(Path("a\x7fb"), "a\x7fb"), ((1, 2), [1, 2]), (math.nan, math.nan)])
def test_what_toml_has_another_name_for_is_written_as_that(value: object, read: object) -> None:
    assert repr(tomllib.loads(f"key = {_toml(value)}")) == repr({"key": read})


def test_a_setting_that_toml_has_no_form_for(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"expected a setting that TOML has a form for, not None"):
        ServerProcess("echo", {"idle": None}, tmp_path)
