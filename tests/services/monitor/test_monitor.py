"""The pages of the monitor, and the numbers of the reactor."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.defer import Deferred

from netforge.plugin import Context, Field, IHealth, Parts, ServiceStatus, Settings, Task, service
from netforge.services.monitor.site import readiness

if TYPE_CHECKING:
    from netforge.testing import Lab, Network
    from netforge.testing.pytest_plugin import MakeLab

MONITOR = '[services.monitor]\nlisten = ["tcp:9464"]\n'

Check = Callable[[], Awaitable[object] | object]
checks: dict[str, Check] = {}


class PatientSettings(Settings):
    """A service whose health is what the test says."""

    name: str = Field("", description="what to watch, if not itself")


@service("patient", PatientSettings, needs=[IHealth])
def patient(settings: PatientSettings, context: Context) -> Parts:
    name = settings.name or context.name

    def check() -> Awaitable[object] | object:
        return checks[name]()

    return [Task(lambda: context[IHealth].watch(name, check), lambda: None)]


def get(lab: Lab, path: str, method: str = "GET", accept: str = "*/*") -> tuple[int, dict[str, str], str]:
    """Status, fields and content of a page."""
    peer = lab.connect("monitor")
    peer.send(f"{method} {path} HTTP/1.1\r\nHost: monitor\r\nAccept: {accept}\r\n\r\n".encode())
    head, _, content = peer.receive_all().decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert method == "HEAD" or len(content.encode()) == int(fields["content-length"])
    return int(status.split()[1]), fields, content


@pytest.fixture
def run(lab: MakeLab) -> Callable[..., Lab]:
    """Runs the monitor with other tables beside it."""
    checks.clear()

    def start(others: str = "") -> Lab:
        return lab(MONITOR + others, plugins=[patient])

    return start


def refuse() -> None:
    raise OSError("the disk is full")


def test_everything_is_ready_when_nothing_says_otherwise(run: Callable[..., Lab]) -> None:
    status, fields, content = get(run('[services.echo]\nlisten = ["tcp:7"]\n'), "/ready")
    assert status == 200
    assert {"metrics: ready", "monitor: ready", "echo: ready"} <= set(content.splitlines())
    assert fields["content-type"] == "text/plain; charset=utf-8"


def test_one_that_is_not_ready_is_named_with_the_reason(run: Callable[..., Lab]) -> None:
    checks["patient"] = refuse
    running = run("[services.patient]\n")
    status, _, content = get(running, "/ready")
    assert status == 503
    assert {"monitor: ready", "patient: not ready: OSError: the disk is full"} < set(content.splitlines())
    assert get(running, "/live")[::2] == (200, "live\n")
    checks["patient"] = lambda: None
    assert get(running, "/ready")[0] == 200


def test_one_alone_can_be_asked_for(run: Callable[..., Lab]) -> None:
    checks["patient"] = refuse
    running = run("[services.patient]\n")
    assert get(running, "/ready/monitor")[::2] == (200, "monitor: ready\n")
    assert get(running, "/ready/patient")[::2] == (503, "patient: not ready: OSError: the disk is full\n")
    assert get(running, "/ready/nobody")[::2] == (404, "nothing here is called nobody\n")
    assert get(running, "/ready/patient/x")[0] == 404
    assert get(running, "/nothing")[0] == 404


def test_what_is_checked_need_not_be_a_service(run: Callable[..., Lab]) -> None:
    checks["volume"] = refuse
    running = run('[services.patient]\nname = "volume"\n')
    assert get(running, "/ready/volume")[0] == 503
    assert get(running, "/ready/patient")[0] == 200


def test_a_check_that_hangs_takes_a_second(run: Callable[..., Lab], network: Network) -> None:
    checks["patient"] = Deferred
    running = run("[services.patient]\n")
    before = network.now
    assert get(running, "/ready/patient")[2] == "patient: not ready: TimeoutError: no answer within 1 s\n"
    assert 1 <= network.now - before < 1.1


def test_a_client_that_goes_while_checks_are_made_is_no_harm(run: Callable[..., Lab], network: Network) -> None:
    checks["patient"] = Deferred
    running = run("[services.patient]\n")
    peer = running.connect("monitor")
    peer.send(b"GET /ready HTTP/1.1\r\nHost: monitor\r\n\r\n")
    network.run(0.5)
    peer.close()
    network.run(2)
    assert get(running, "/live")[0] == 200


def test_something_that_has_stopped_is_not_ready_whatever_its_check_says() -> None:
    status = [ServiceStatus("a", ready=False, connections=0), ServiceStatus("b", ready=True, connections=0)]
    assert readiness(status, {"a": ""}) == (False, "a: not ready: it starts or stops\nb: ready\n")
    assert readiness(status, {}, "b") == (True, "b: ready\n")
    assert readiness(status, {}, "c") is None


def test_metrics_are_in_the_format_that_is_asked_for(run: Callable[..., Lab]) -> None:
    running = run()
    status, fields, content = get(running, "/metrics")
    assert status == 200
    assert fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'netforge_connections_total{listener="tcp:0.0.0.0:9464",service="monitor"} 1.0' in content
    _, fields, content = get(running, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert fields["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert content.endswith("# EOF\n")


def test_only_get_and_head_are_answered(run: Callable[..., Lab]) -> None:
    running = run()
    assert get(running, "/live", "HEAD")[::2] == (200, "")
    status, fields, _ = get(running, "/live", "POST")
    assert (status, fields["allow"]) == (405, "GET, HEAD")


def test_every_answer_is_the_last_of_its_connection(run: Callable[..., Lab], network: Network) -> None:
    running = run()
    assert get(running, "/live")[1]["connection"] == "close"
    running.connect("monitor")
    assert running.stop() <= 10


def test_lag_is_how_late_the_reactor_is(run: Callable[..., Lab], network: Network) -> None:
    running = run()
    network.run(10)
    content = get(running, "/metrics")[2]
    assert "netforge_reactor_lag_seconds_count 20.0" in content
    assert 'netforge_reactor_lag_seconds_bucket{le="0.001"} 20.0' in content


def test_threads_of_the_reactor_are_counted(run: Callable[..., Lab]) -> None:
    content = get(run(), "/metrics")[2]
    for name, number in (("threads_max", 10), ("threads_busy", 0), ("threads_waiting", 0)):
        assert f'netforge_{name}{{pool="reactor"}} {number:.1f}\n' in content


@pytest.mark.real
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_gets_every_page(netforge_server: Callable[..., Any], scheme: str) -> None:
    server = netforge_server("monitor", listen=[{"address": "tcp:127.0.0.1:0", "tls": scheme == "https"}])
    for path, expected in (("live", "live"), ("ready", "monitor: ready"), ("metrics", "netforge_reactor_lag_seconds")):
        url = f"{scheme}://{server.host}:{server.port}/{path}"
        answer = subprocess.run(["curl", "-sSk", "--fail", url], capture_output=True, text=True, check=True, timeout=30)
        assert expected in answer.stdout
