from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None\n"


def python(code: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        check=False,
    )


def twistd(*arguments: str, before: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run twistd."""
    return python(f"{before}from twisted.scripts.twistd import run\nrun()", *arguments, cwd=cwd)


def test_it_becomes_the_global_reactor_and_its_loop_the_current_one() -> None:
    done = python("""
        import asyncio, netforge.reactor
        netforge.reactor.install()
        from twisted.internet import reactor
        print(type(reactor).__name__, asyncio.get_event_loop_policy().get_event_loop() is reactor.loop)
        reactor.callWhenRunning(reactor.stop)
        reactor.run()
    """)
    assert (done.stdout, done.stderr) == ("ForgeReactor True\n", "")


def test_a_second_reactor_is_refused() -> None:
    done = python("""
        from twisted.internet import reactor
        from twisted.internet.error import ReactorAlreadyInstalledError
        import netforge.reactor
        try:
            netforge.reactor.install()
        except ReactorAlreadyInstalledError:
            print("refused")
    """)
    assert done.stdout == "refused\n"


def test_importing_it_installs_nothing_and_needs_no_uvloop() -> None:
    done = python(WITHOUT_UVLOOP + "import netforge.reactor\nprint('twisted.internet.reactor' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_without_uvloop_installing_says_what_to_install() -> None:
    done = python(WITHOUT_UVLOOP + "import netforge.reactor\nnetforge.reactor.install()")
    assert "ImportError: the forge reactor needs uvloop, which is not installed: pip install uvloop" in done.stderr


def test_twistd_lists_it() -> None:
    done = twistd("--help-reactors")
    assert "forge" in [line.split()[0] for line in done.stdout.splitlines() if line.split()]


def test_twistd_without_uvloop_says_what_to_install() -> None:
    done = twistd("--reactor=forge", "-n", "netforge", before=WITHOUT_UVLOOP)
    assert done.returncode != 0
    assert "pip install uvloop" in done.stdout + done.stderr


def test_the_dropin_stays_lazy() -> None:
    done = python("""
        import sys, twisted.plugins.netforge_plugins
        print([one for one in ("twisted.internet.reactor", "netforge.reactor", "uvloop") if one in sys.modules])
    """)
    assert done.stdout == "[]\n"


def test_a_daemon_serves_after_the_fork_and_ends_at_sigterm(tmp_path: Path) -> None:
    (tmp_path / "echo.tac").write_text(
        textwrap.dedent("""
        from twisted.application import internet, service
        from twisted.internet import endpoints, reactor
        from netforge.protocols.echo import EchoFactory

        application = service.Application("echo")
        endpoint = endpoints.serverFromString(reactor, "unix:socket")
        internet.StreamServerEndpointService(endpoint, EchoFactory(reactor)).setServiceParent(application)
    """)
    )
    done = twistd("--reactor=forge", "-y", "echo.tac", "--logfile=log", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pid = int((tmp_path / "twistd.pid").read_text())
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            os.chdir(tmp_path)
            client.connect("socket")
            client.send(b"hello")
            assert client.recv(5) == b"hello"
            os.kill(pid, signal.SIGTERM)
            assert client.recv(1) == b""
    finally:
        os.chdir("/")
    log = (tmp_path / "log").read_text()
    assert "ForgeReactor" in log
    assert "Traceback" not in log


def test_signals_and_child_processes() -> None:
    done = python("""
        import os, signal, sys
        import netforge.reactor
        netforge.reactor.install()
        from twisted.internet import protocol, reactor
        from twisted.internet.utils import getProcessOutput

        class Child(protocol.ProcessProtocol):
            def processEnded(self, reason):
                print("ended", reason.value.exitCode)
                os.kill(os.getpid(), signal.SIGTERM)

        def begin():
            getProcessOutput(sys.executable, ["-c", "print('child', end='')"]).addCallback(again)

        def again(output):
            print(output.decode())
            reactor.spawnProcess(Child(), sys.executable, [sys.executable, "-c", "raise SystemExit(7)"])

        reactor.callWhenRunning(begin)
        reactor.addSystemEventTrigger("before", "shutdown", print, "stopping")
        reactor.run()
    """)
    assert (done.stdout, done.stderr) == ("child\nended 7\nstopping\n", "")
