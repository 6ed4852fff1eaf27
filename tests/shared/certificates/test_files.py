"""Certificates in PEM files: taken over when they change, kept when the change is no good."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from twisted.logger import LogEvent

from netforge.host.errors import ServiceFailed
from netforge.shared.certificates.files import INTERVAL
from netforge.testing import Network
from tests.shared.certificates.conftest import DAY, ECHO, START, Issuer, Lax, Secure, Secured, pem_of, told

WEB = """
[shared.certificates.files.web]
certificate = "web.pem"
key = "web.key"
"""


def key_in(pem: bytes) -> bytes:
    return pem[pem.index(b"-----BEGIN PRIVATE KEY") :]


def write(folder: Path, pem: bytes) -> None:
    """Write certificate and key, as by an editor: in place. Every one is as long."""
    (folder / "web.pem").write_bytes(pem.ljust(4096, b"\n"))
    (folder / "web.key").write_bytes(key_in(pem))


@pytest.fixture
def web(secured: Secure, issuer: Issuer, tmp_path: Path) -> Secured:
    write(tmp_path, issuer.issue("web.test", subject="CN=old"))
    return secured(ECHO + WEB)


def test_a_new_certificate_is_shown_and_nobody_is_disconnected(
    web: Secured, network: Network, issuer: Issuer, tmp_path: Path, events: list[LogEvent]
) -> None:
    peer = web.connect(creator=Lax())
    peer.send(b"1")
    assert web.subject("web.test") == peer.receive(1).decode().replace("1", "CN=old")
    write(tmp_path, issuer.issue("web.test", "new.test", subject="CN=new"))
    network.run(INTERVAL + 0.1)
    assert web.subject() == web.subject("new.test") == "CN=new"
    peer.send(b"2")
    assert peer.receive(1) == b"2"
    assert told(events, "certificate") == ["certificate 'web' was read anew"]


def test_a_file_that_is_replaced_is_noticed_even_with_the_same_time_and_size(
    web: Secured, network: Network, issuer: Issuer, tmp_path: Path
) -> None:
    before = {path: path.stat() for path in (tmp_path / "web.pem", tmp_path / "web.key")}
    for path in before:
        path.rename(path.with_suffix(f"{path.suffix}.old"))
    write(tmp_path, issuer.issue("web.test", subject="CN=new"))
    for path, status in before.items():
        assert path.stat().st_size == status.st_size
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    network.run(INTERVAL + 0.1)
    assert web.subject() == "CN=new"


def test_a_link_that_points_elsewhere_is_noticed(
    secured: Secure, network: Network, issuer: Issuer, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, issuer.issue("web.test", subject=f"CN={name}"))
    link = tmp_path / "live"
    link.symlink_to("one")
    host = secured(ECHO + WEB.replace("web.", "live/web.").replace("files.live/web.", "files.web."))
    assert host.subject() == "CN=one"
    link.unlink()
    link.symlink_to("two")
    network.run(INTERVAL + 0.1)
    assert host.subject() == "CN=two"


def test_files_that_are_written_one_after_the_other_cause_no_alarm(
    web: Secured, network: Network, issuer: Issuer, tmp_path: Path, events: list[LogEvent]
) -> None:
    pem = issuer.issue("web.test", subject="CN=new")
    (tmp_path / "web.pem").write_bytes(pem)
    network.run(INTERVAL + 0.1)
    assert web.subject() == "CN=old"
    (tmp_path / "web.key").write_bytes(key_in(pem))
    network.run(INTERVAL)
    assert web.subject() == "CN=new"
    assert told(events, "certificate") == ["certificate 'web' was read anew"]


def encrypted(pem: bytes) -> bytes:
    key = load_pem_private_key(key_in(pem), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def weak() -> bytes:
    short = Issuer()
    key = rsa.generate_private_key(65537, 1024)
    return pem_of(short._signed(short.name, key, START - DAY, START + DAY, []), key)


FLAWS: dict[str, tuple[Callable[[Path, Issuer], object], str]] = {
    "nonsense": (lambda folder, issuer: (folder / "web.pem").write_text("hello"), "no certificate in PEM was found"),
    "empty": (lambda folder, issuer: (folder / "web.key").write_text(""), "no private key in PEM was found"),
    "gone": (lambda folder, issuer: (folder / "web.pem").unlink(), "No such file or directory"),
    "another key": (
        lambda folder, issuer: (folder / "web.key").write_bytes(key_in(issuer.issue())),
        "the private key is not that of the first certificate",
    ),
    "encrypted": (
        lambda folder, issuer: (folder / "web.key").write_bytes(encrypted((folder / "web.pem").read_bytes())),
        "the private key is encrypted",
    ),
    "weak": (lambda folder, issuer: write(folder, weak()), "OpenSSL says: ee key too small"),
    "expired": (
        lambda folder, issuer: write(folder, issuer.issue("web.test", begin=START - 30 * DAY, days=29.5)),
        "it has expired at 2025-12-31 12:00:00 UTC",
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_is_no_good_is_one_event_and_the_old_one_stays(
    web: Secured, network: Network, issuer: Issuer, tmp_path: Path, events: list[LogEvent], flaw: str
) -> None:
    spoil, reason = FLAWS[flaw]
    spoil(tmp_path, issuer)
    network.run(INTERVAL * 10)
    assert web.subject() == "CN=old"
    [event] = [one for one in events if one.get("event") == "certificate"]
    assert event["log_level"].name == "error"
    [message] = told(events, "certificate")
    assert message.startswith("certificate 'web' cannot be used, the old one stays: ")
    assert reason in message
    write(tmp_path, issuer.issue("web.test", subject="CN=new"))
    network.run(INTERVAL + 0.1)
    assert web.subject() == "CN=new"


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw != "expired"])
def test_what_is_no_good_at_the_start_is_an_error(
    secured: Secure, network: Network, issuer: Issuer, tmp_path: Path, flaw: str
) -> None:
    spoil, reason = FLAWS[flaw]
    write(tmp_path, issuer.issue("web.test"))
    spoil(tmp_path, issuer)
    with pytest.raises(ServiceFailed) as failed:
        secured(ECHO + WEB)
    assert "failed to start certificate web: " in str(failed.value)
    assert reason in str(failed.value)
    network.failures.clear()


def test_what_has_expired_at_the_start_is_shown_and_told_of(
    secured: Secure, issuer: Issuer, tmp_path: Path, events: list[LogEvent]
) -> None:
    write(tmp_path, issuer.issue("web.test", subject="CN=old", begin=START - 30 * DAY, days=29))
    assert secured(ECHO + WEB).subject() == "CN=old"
    assert told(events, "certificate") == ["certificate 'web' has expired at 2025-12-31 00:00:00 UTC"]


def test_one_file_may_hold_both_and_the_key_may_come_first(secured: Secure, issuer: Issuer, tmp_path: Path) -> None:
    pem = issuer.issue("web.test", subject="CN=both")
    key = key_in(pem)
    (tmp_path / "web.pem").write_bytes(key + pem.removesuffix(key))
    assert secured(f'{ECHO}\n[shared.certificates.files.web]\ncertificate = "web.pem"').subject() == "CN=both"


def test_a_key_is_never_in_an_error_or_a_representation(web: Secured, issuer: Issuer, tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(web.certificates._credentials)
    assert "key" not in repr(web.certificates._credentials)


def test_nothing_is_left_after_the_stop(web: Secured) -> None:
    assert "certificates" in web.health
    web.lab.connect("echo")
    web.lab.stop()
    assert web.lab.machine.reactor.getDelayedCalls() == []
    assert "certificates" not in web.health


def test_what_was_started_is_stopped_when_what_follows_cannot_be(
    secured: Secure, network: Network, issuer: Issuer, tmp_path: Path
) -> None:
    write(tmp_path, issuer.issue("web.test"))
    with pytest.raises(ServiceFailed, match="failed to start certificate gone: "):
        secured(ECHO + WEB + '[shared.certificates.files.gone]\ncertificate = "gone.pem"')
    assert network.machine("server").reactor.getDelayedCalls() == []
    network.failures.clear()
