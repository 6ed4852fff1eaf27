"""Every way in which curl asks."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from tests.protocols.http.conformance.report import Report
from tests.protocols.http.conformance.server import LARGE, Server

__all__ = ["PROGRAM", "judge"]

PROGRAM = "curl"
FORMAT = "\n%{http_version} %{http_code} %{size_download} %{num_connects}\n"

#: Whether TLS; what is asked, with ``{upload}`` for a file of a megabyte; what is said, as a regular expression.
Case = tuple[bool, str, str]

SIZE = str(LARGE)
CASES: list[Case] = [
    # Versions.
    (False, "--http0.9 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (False, "--http1.0 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (False, "--http1.1 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (False, "--http2 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (False, "--http2-prior-knowledge /app", r"GET 0\n\n2 200 6 1\n"),
    (True, "--http1.0 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (True, "--http1.1 /app", r"GET 0\n\n1.1 200 6 1\n"),
    (True, "--http2 /app", r"GET 0\n\n2 200 6 1\n"),
    (True, "--http2-prior-knowledge /app", r"GET 0\n\n2 200 6 1\n"),
    (True, "--no-alpn /app", r"GET 0\n\n1.1 200 6 1\n"),
    # Connections: one for several requests, and one for each.
    (False, "/app /app -o /dev/null", r"\n1.1 200 6 1\nGET 0\n\n1.1 200 6 0\n"),
    (True, "/app /app -o /dev/null", r"\n2 200 6 1\nGET 0\n\n2 200 6 0\n"),
    (False, "--http1.0 /app /app -o /dev/null", r"\n1.1 200 6 1\nGET 0\n\n1.1 200 6 1\n"),
    (False, "-H Connection:close /app /app -o /dev/null", r"\n1.1 200 6 1\nGET 0\n\n1.1 200 6 1\n"),
    (False, "--http1.0 -H Connection:keep-alive /app /app -o /dev/null", r"\n1.1 200 6 1\nGET 0\n\n1.1 200 6 0\n"),
    # Methods.
    *(
        (tls, f"-X {method} /app", rf"{method} 0\n\n[12.]+ 200 .*\n")
        for tls in (False, True)
        for method in ("DELETE", "PATCH")
    ),
    (False, "-I /app", r"HTTP/1.1 200 OK\r\n(?s:.*)content-length: 7\r\n(?s:.*)\r\n\r\n\n1.1 200 0 1\n"),
    (True, "-I /app", r"HTTP/2 200 \r\n(?s:.*)content-length: 7\r\n(?s:.*)\r\n\r\n\n2 200 0 1\n"),
    (False, "-X OPTIONS --request-target * /app", r"(?s:.*)\n1.1 \d+ \d+ 1\n"),
    # Trailers.
    (False, "--raw /app/trailers", r"6\r\nGET 0\n\r\n0\r\nx-size: 0\r\n\r\n\n1.1 200 \d+ 1\n"),
    (False, "/app/trailers", r"GET 0\n\n1.1 200 6 1\n"),
    (False, "--http1.0 /app/trailers", r"GET 0\n\n1.1 200 6 1\n"),
    (True, "/app/trailers", r"GET 0\n\n2 200 6 1\n"),
    # Files.
    (False, "/large.txt -o {none}", rf"\n1.1 200 {SIZE} 1\n"),
    (True, "/large.txt -o {none}", rf"\n2 200 {SIZE} 1\n"),
    (True, "--http1.1 /large.txt -o {none}", rf"\n1.1 200 {SIZE} 1\n"),
    (False, "--limit-rate 2M /large.txt -o {none}", rf"\n1.1 200 {SIZE} 1\n"),
    *((tls, "--range 5-14 /large.txt", r"5678901234\n[12.]+ 206 10 1\n") for tls in (False, True)),
    *((tls, "--range -3 /large.txt", r"789\n[12.]+ 206 3 1\n") for tls in (False, True)),
    *(
        (tls, "--range 0-1,4-5 /large.txt", r"(?s:.*)\r\n01\r\n(?s:.*)\r\n45\r\n(?s:.*)206 \d+ 1\n")
        for tls in (False, True)
    ),
    (False, f"--range {SIZE}- /large.txt", r"(?s:.*)\n1.1 416 \d+ 1\n"),
    *((tls, "--compressed /large.txt -o {none}", r"\n[12.]+ 200 \d{2,5} 1\n") for tls in (False, True)),
    *((tls, "--compressed --http1.1 /large.txt -o {none}", r"\n1.1 200 \d{2,5} 1\n") for tls in (False, True)),
    (False, "-z {upload} /large.txt", r"\n1.1 304 0 1\n"),
]
#: How a body is sent, over any version.
UPLOADS = [
    "-T {upload}",
    "--data-binary @{upload}",
    "-H Expect: -T {upload}",
    "-H Expect:100-continue --data-binary @{upload}",
    "--expect100-timeout 30 -H Expect:100-continue -T {upload}",
    "-H Transfer-Encoding:chunked -T {upload}",
    "-H Transfer-Encoding:chunked -H Expect: --data-binary @{upload}",
]


def judge(server: Server, report: Report, *, quick: bool) -> None:
    """Versions, methods, connections, uploads, ranges, compression, trailers, and requests piped in by netcat."""
    with tempfile.TemporaryDirectory() as name:
        upload, none = Path(name) / "upload", Path(name) / "none"
        upload.write_bytes(bytes(LARGE))
        versions = [(False, ""), (True, ""), (False, "--http2-prior-knowledge "), (True, "--http1.1 ")]
        uploads = [
            (tls, f"{version}{how} /app", rf"P(OS|U)T {SIZE}\n\n[12.]+ 200 \d+ 1\n")
            for tls, version in versions
            for how in UPLOADS
            # These are HTTP/1.1's own.
            if "chunked" not in how or "1" in version or (not tls and not version)
        ]
        cases = CASES + uploads
        for tls, options, expected in cases[::8] if quick else cases:
            said = _ask(server, tls=tls, options=options.format(upload=upload, none=none).split())
            report.check(
                f"{'https' if tls else 'http'} {options}", re.fullmatch(expected, said) is not None, said[-300:]
            )
    _pipeline(server, report)


def _ask(server: Server, *, tls: bool, options: list[str]) -> str:
    words = [server.url(word, tls=tls) if word.startswith(("/app", "/large")) else word for word in options]
    command = [PROGRAM, "-sSk", "--max-time", "60", "-w", FORMAT, *words]
    done = subprocess.run(command, check=False, timeout=90, capture_output=True)
    return (done.stdout + done.stderr).decode("latin-1")


def _pipeline(server: Server, report: Report) -> None:
    """A hundred requests at once, which curl does not, and then no more."""
    request = b"POST /app HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"
    command = ["nc", "-N", server.host, str(server.port)]
    done = subprocess.run(command, input=request * 100, check=False, timeout=60, capture_output=True)
    report.check("netcat: 100 requests at once", done.stdout.count(b"\r\n\r\nPOST 5\n") == 100, done.stdout[-300:])
