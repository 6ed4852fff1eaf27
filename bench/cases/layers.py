"""What limits, log and metrics cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.case import OURS, Case, Sample, Variant
from bench.launches import serving
from bench.measures import read_rate
from bench.processes import Process
from bench.session import Session

_OFF = "layers-off"
_SETTINGS = """
[netforge]
state = "state"

[services.echo]
listen = [{{ address = "tcp:127.0.0.1:0", {keys} }}]
"""
_SERVE = {
    # Loopback counts here as the rest of the world does, and one client may have all that there is.
    "defaults": "limits = { loopback = true, total = 0, connections = [0, 0, 0], rates = [0, 0, 0] }",
    "deadlines": "limits = { loopback = true, total = 0, connections = [0, 0, 0], rates = [0, 0, 0], idle = 60 }",
    _OFF: "limits = false, log = false, metrics = false",
}


def _throughput(session: Session, peer: str, variant: Variant) -> Sample:
    with _serving(session, _SERVE[variant.serve if peer == OURS else _OFF]) as (server, port):
        with session.load(variant.load, port, server) as load:
            sample = read_rate(load, session)
        server.terminate()
    return sample


@contextmanager
def _serving(session: Session, keys: str) -> Iterator[tuple[Process, int]]:
    """Run the echo service with these keys of its listener. Its port comes with it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "forge.toml").write_text(_SETTINGS.format(keys=keys))
        with serving(folder, session.server_cores) as served:
            yield served


CASE = Case(
    name="layers",
    about="The echo service with limits, log and metrics, and the same without them",
    unit="operations/s",
    variants=[
        Variant("1 KiB, 50 connections", "tcp {ours} -n 50 -s 1024 echo", serve="defaults"),
        Variant("1 KiB, 50 connections, deadlines", "tcp {ours} -n 50 -s 1024 echo", serve="deadlines"),
        Variant("a connection and 1 KiB", "tcp {ours} -n 50 -s 1024 accept", serve="defaults"),
    ],
    measure=_throughput,
    peers=(_OFF,),
)
