"""``netforge run`` with a site of files and an application, for the programs that judge it."""

from __future__ import annotations

from pathlib import Path

from netforge.testing import ServerProcess

__all__ = ["LARGE", "Server"]

#: Says in the page by which protocol it came.
PAGE = """<!doctype html>
<title>netforge</title>
<p id=protocol></p>
<script>document.all.protocol.textContent = performance.getEntriesByType("navigation")[0].nextHopProtocol</script>
"""

#: The bytes of ``/large.txt``.
LARGE = 1_000_000


class Server(ServerProcess):
    """A server, as a context manager: files below ``/``, ``application.py`` below ``/app``, with TLS and without.

    :param folder: where its files are.
    """

    def __init__(self, folder: Path) -> None:
        files = folder / "site"
        files.mkdir()
        (files / "index.html").write_text(PAGE)
        (files / "large.txt").write_bytes(b"0123456789" * (LARGE // 10))
        application = {"app": "application:answer", "folder": Path(__file__).parent}
        sites = {"main": {"at": {"/": {"static": files}, "/app": {"site": application}}}}
        # Thousands of connections come from this computer.
        here = {"address": "tcp:127.0.0.1:0", "limits": False}
        super().__init__("web", {"listen": [here, {**here, "tls": True}], "sites": sites}, folder)

    @property
    def tls_port(self) -> int:
        """The port with TLS."""
        return int(self.addresses[1].rpartition(":")[2])

    def url(self, path: str = "/", *, tls: bool = False) -> str:
        """Where something is."""
        return f"https://{self.host}:{self.tls_port}{path}" if tls else f"http://{self.host}:{self.port}{path}"
