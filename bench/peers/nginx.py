"""nginx with one process: the limit for a web server, as it has no application."""

from __future__ import annotations

import os
import signal

from bench.peers.hello import HELLO
from bench.peers.serving import BACKLOG, HOST, announce_later, parse_arguments, reserve_port

_SETTINGS = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
worker_rlimit_nofile 65535;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type text/plain;
    client_body_temp_path {folder}/nginx;
    proxy_temp_path {folder}/nginx;
    fastcgi_temp_path {folder}/nginx;
    uwsgi_temp_path {folder}/nginx;
    scgi_temp_path {folder}/nginx;
    server {{
        listen {host}:{port} reuseport backlog={backlog};
        location = /hello {{ return 200 "{hello}"; }}
        location / {{ root {folder}/files; }}
    }}
}}
"""


def _main() -> None:
    folder = parse_arguments().folder
    reserved = reserve_port()
    reserved.set_inheritable(True)
    port = reserved.getsockname()[1]
    settings = folder / "nginx.conf"
    hello = HELLO.decode().replace("\n", "\\n")
    settings.write_text(_SETTINGS.format(folder=folder, host=HOST, port=port, backlog=BACKLOG, hello=hello))
    # This process becomes nginx, since what it takes is measured, and its child does the rest.
    server = os.getpid()
    if os.fork():
        os.execlp("nginx", "nginx", "-e", "stderr", "-c", str(settings))
    announce_later(port, lambda: os.kill(server, signal.SIGTERM))
    signal.pause()


if __name__ == "__main__":
    _main()
