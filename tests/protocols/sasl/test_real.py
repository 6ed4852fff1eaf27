"""Against GNU SASL's own client and server (Debian's ``gsasl``)."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from random import SystemRandom

import pytest

from netforge.protocols.sasl import (
    MECHANISMS,
    MIN_ITERATIONS,
    Challenge,
    Credentials,
    NameGiven,
    PasswordGiven,
    Proved,
    ScramServer,
    ServerEvent,
    make_verifier,
)

pytestmark = pytest.mark.real

NAME, PASSWORD = "ada,=", "pencil, and paper"
BINDINGS = {"tls-exporter": b"exporter" * 4}
# Channel bindings that its client asks for at the beginning.
ASKED = {"SCRAM-SHA-256": [b"", b""], "SCRAM-SHA-256-PLUS": [BINDINGS["tls-exporter"]]}
CREDENTIALS = ["--authentication-id", NAME, "--password", PASSWORD, "--no-starttls", "--quiet"]


class Program:
    """gsasl, which reads and writes a line of base64 a message."""

    def __init__(self, side: str, mechanism: str) -> None:
        command = ["gsasl", side, "--mechanism", mechanism, *CREDENTIALS]
        self._mechanism = mechanism.encode()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self) -> bytes:
        assert self._process.stdout is not None
        words: list[bytes] = []
        while not words or words[-1] == self._mechanism:
            line = self._process.stdout.readline()
            assert line, "gsasl has ended"
            words = line.split()
        return b64decode(words[-1])

    def write(self, message: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b64encode(message) + b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait(10)


@pytest.fixture
def client(mechanism: str) -> Iterator[Program]:
    program = Program("--client", mechanism)
    for binding in ASKED.get(mechanism, ()):
        program.write(binding)
    yield program
    program.end()


@pytest.fixture
def server(mechanism: str) -> Iterator[Program]:
    program = Program("--server", mechanism)
    yield program
    program.end()


def bindings_for(mechanism: str) -> Mapping[str, bytes]:
    return BINDINGS if mechanism.endswith("PLUS") else {}


def serve(program: Program, mechanism: str) -> ServerEvent:
    core = MECHANISMS[mechanism].server(SystemRandom(), bindings_for(mechanism))
    event = core.receive(program.read())
    while True:
        match event:
            case Challenge(data):
                program.write(data)
                event = core.receive(program.read())
            case NameGiven():
                assert isinstance(core, ScramServer)
                event = core.supply(make_verifier(PASSWORD, SystemRandom(), MIN_ITERATIONS))
            case Proved(data=data):
                program.write(data)
                return event
            case _:
                return event


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_its_client_says_name_and_password(client: Program, mechanism: str) -> None:
    assert serve(client, mechanism) == PasswordGiven(NAME, PASSWORD)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_its_client_proves_itself_to_our_server(client: Program, mechanism: str) -> None:
    event = serve(client, mechanism)
    assert isinstance(event, Proved)
    assert event.name == NAME


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_our_client_and_its_server_prove_themselves_to_each_other(server: Program, mechanism: str) -> None:
    core = MECHANISMS[mechanism].client(Credentials(NAME, PASSWORD), SystemRandom(), bindings_for(mechanism))
    first = core.start()
    assert first is not None
    server.write(first)
    if mechanism.endswith("PLUS"):
        server.write(BINDINGS["tls-exporter"])
    server.write(core.receive(server.read()))
    core.finish(server.read())
