"""Twisted's own reactor tests, run against its epoll reactor and against ours: what passes there must pass here.

Run it as a program. It takes no arguments, and exits with 1 if a test passes on epoll only. It needs PyHamcrest, as
those tests do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MODULES = [
    "base",
    "core",
    "endpoints",
    "fdset",
    "newtls",
    "posixprocess",
    "process",
    "protocol",
    "resolver",
    "sigchld",
    "socket",
    "stdio",
    "tcp",
    "threads",
    "time",
    "tls",
    "udp",
    "udp_internals",
    "unix",
]

# Test classes are built per reactor and named after it.
REACTORS = {
    "epoll": "twisted.internet.epollreactor.EPollReactor",
    "forge": "__main__.ForgeReactor",
}

# What differs by design, and why.
ACCEPTED = {
    "twisted.internet.test.test_unix.UNIXTestsBuilder_Tests.test_avoidLeakingFileDescriptors": (
        "the kernel closes a descriptor that is sent to a protocol which receives none, so none leaks; since uvloop"
        " does not notice either, that is not logged"
    ),
}

# Of seconds. They take 10 on an idle machine.
TIMEOUT, TEST_TIMEOUT = 150, 20


def ForgeReactor(case: Any) -> Any:  # noqa: N802  it gives the test classes their names
    """Make a reactor for a test case, and close its loop afterwards."""
    from netforge.reactor import ForgeReactor

    reactor = ForgeReactor()
    case.addCleanup(reactor.loop.close)
    return reactor


def run_tests(name: str) -> None:
    """Run all tests on one reactor, and print the names of those that pass, as JSON."""
    from twisted.internet.test import reactormixins
    from twisted.trial.reporter import TestResult
    from twisted.trial.runner import TestLoader

    class Names(TestResult):
        def __init__(self) -> None:
            super().__init__()
            self.passed: list[str] = []

        def addSuccess(self, test: Any) -> None:  # noqa: N802  unittest's
            super().addSuccess(test)
            self.passed.append(test.id())

    reactormixins.ReactorBuilder._reactors = [REACTORS[name]]
    vars(reactormixins)["DEFAULT_TIMEOUT_DURATION"] = TEST_TIMEOUT
    result = Names()
    for module in MODULES:
        TestLoader().loadByName(f"twisted.internet.test.test_{module}").run(result)
    for test, failure in [*result.failures, *result.errors]:
        print(f"{test}\n{failure}", file=sys.stderr)
    json.dump(result.passed, sys.stdout)


def passed_on(name: str) -> tuple[set[str], str]:
    """The names of the tests that pass, without the reactor's own name in them; and what was printed of the others."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, Path(__file__).resolve(), name],
            cwd=folder,
            capture_output=True,
            timeout=TIMEOUT,
            check=True,
        )
    short = REACTORS[name].rpartition(".")[2]
    # What the tests themselves print comes before.
    names = {one.replace(f"_{short}Tests", "_Tests") for one in json.loads(done.stdout.splitlines()[-1])}
    return names, done.stderr.decode(errors="replace")


def main() -> int:
    """Run the tests on both, and compare.

    :returns: the exit status.
    """
    passed = {name: passed_on(name) for name in REACTORS}
    for name, (names, _) in passed.items():
        print(f"{name}: {len(names)} tests pass")
    missing = sorted(passed["epoll"][0] - passed["forge"][0])
    for name in missing:
        print(f"passes on epoll only: {name}" + (f" (accepted: {ACCEPTED[name]})" if name in ACCEPTED else ""))
    if all(name in ACCEPTED for name in missing):
        return 0
    print(passed["forge"][1], file=sys.stderr)
    return 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run_tests(sys.argv[1])
    else:
        sys.exit(main())
