"""The local authority: its root, what it signs, and when that is made anew."""

from __future__ import annotations

import fcntl
import os
import stat
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.internet.task import Clock

from netforge.shared.certificates import authority
from netforge.shared.certificates.authority import LIFETIME, Authority, open_authority
from netforge.shared.certificates.leaves import RENEWED_AFTER, Leaves
from tests.shared.certificates.conftest import DAY, START, Issuer

NOW = START.timestamp()


def opened(path: Path, *names: str, now: float = NOW) -> Authority:
    return open_authority(path, "vm", names, now, Random(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "authority.pem"


def test_it_is_made_once(path: Path) -> None:
    first = opened(path)
    assert opened(path, now=NOW + 1).pem == first.pem


def test_its_key_is_for_its_owner_only(path: Path) -> None:
    opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"PRIVATE" not in opened(path).pem


def test_the_root_may_sign_certificates_and_nothing_else(path: Path) -> None:
    root = opened(path).certificate
    assert root.subject == root.issuer
    assert isinstance(root.public_key(), ec.EllipticCurvePublicKey)
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature, usage.key_encipherment) == (True, False, False)
    assert root.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert (root.not_valid_after_utc - START) > 3650 * DAY
    root.verify_directly_issued_by(root)


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "vm", "*.vm", "a.vm", "nas.local", "x.test", "chat.example.org", "*.shop.example.org"),
        *("127.0.0.1", "::1", "10.9.8.7", "172.31.0.1", "192.168.1.1", "fd00::1", "203.0.113.9"),
    ],
)
def test_it_vouches_for_what_is_private_and_for_what_it_was_made_for(path: Path, name: str) -> None:
    assert opened(path, "chat.example.org", "*.shop.example.org", "203.0.113.9").permits(name)


@pytest.mark.parametrize(
    "name",
    ["example.org", "example.com", "notlocalhost", "evil-vm", "8.8.8.8", "172.32.0.1", "203.0.113.8", "2001:db8::1"],
)
def test_it_vouches_for_nothing_else(path: Path, name: str) -> None:
    assert not opened(path, "chat.example.org", "203.0.113.9").permits(name)


def test_what_it_signs_is_for_servers_and_short_lived(path: Path) -> None:
    authority = opened(path)
    leaf = authority.issue(["localhost", "::1"], NOW).chain[0]
    leaf.verify_directly_issued_by(authority.certificate)
    assert leaf.not_valid_after_utc - START == LIFETIME <= 47 * DAY
    assert leaf.not_valid_before_utc < START
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.serial_number != authority.issue(["localhost"], NOW).chain[0].serial_number


def test_what_it_signs_is_not_valid_for_longer_than_itself(path: Path) -> None:
    authority = opened(path)
    end = authority.certificate.not_valid_after_utc
    assert authority.issue(["localhost"], end.timestamp() - 60).not_after == end


@pytest.mark.parametrize("content", ["", "hello", "somebody's"])
def test_a_file_that_is_something_else_is_an_error_and_not_overwritten(
    path: Path, issuer: Issuer, content: str
) -> None:
    path.write_bytes(issuer.issue("a.test") if content == "somebody's" else content.encode())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"authority\.pem is not the local authority: "):
        opened(path)
    assert path.read_bytes() == before


def _race(path: Path) -> bytes:
    return open_authority(path, "vm", (), NOW, Random(os.getpid())).pem


@pytest.mark.real
def test_processes_that_start_at_once_have_one_authority(path: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_race, [path] * 8))) == 1


def test_who_makes_it_keeps_others_from_making_it_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = authority._root

    def alone(*arguments: Any) -> bytes:
        with path.with_suffix(".lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return make(*arguments)

    monkeypatch.setattr(authority, "_root", alone)
    opened(path)


def leaves(path: Path, clock: Clock) -> Leaves:
    return Leaves(opened(path, "chat.example.org"), "vm", ["chat.example.org"], clock)


def test_a_certificate_is_made_anew_when_two_thirds_of_its_time_are_over(path: Path) -> None:
    clock = Clock()
    clock.advance(NOW)
    made = leaves(path, clock)
    first = made.default
    clock.advance(RENEWED_AFTER)
    assert made.default is first
    clock.advance(1)
    assert made.default is not first
    assert made.default.not_after == datetime.fromtimestamp(clock.seconds(), UTC) + LIFETIME
    assert made.default.names == first.names == {"localhost", "vm", "127.0.0.1", "::1"}


def test_a_computer_that_was_renamed_is_vouched_for_as_localhost(path: Path) -> None:
    authority = opened(path)
    assert Leaves(authority, "renamed", (), Clock()).default.names == {"localhost", "127.0.0.1", "::1"}


def test_a_computer_that_is_called_localhost_has_that_name_once(path: Path) -> None:
    [made] = Leaves(opened(path), "localhost", (), Clock()).default.chain
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
