"""Certificates that are ordered and renewed by themselves, with a server that is a function."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.defer import Deferred
from twisted.logger import Logger, capturedLogs

from netforge.shared.certificates.acme.source import ACMESource
from netforge.shared.certificates.authority import open_authority
from netforge.shared.certificates.credential import Credential
from netforge.testing import Network

DAY = 24 * 3600.0


class World:
    """A source on a simulated machine, and a server that does as it is told.

    :ivar orders: the names of each order.
    :ivar shown: what the store was given.
    :ivar failing: why orders fail, if they do.
    """

    def __init__(self, network: Network, folder: Path) -> None:
        self.network = network
        self.reactor = network.machine("server").reactor
        self.folder = folder
        self.orders: list[list[str]] = []
        self.shown: list[Credential] = []
        self.challenges: dict[str, bytes] = {}
        self.failing = ""
        self._random = Random(1)
        self._authority = open_authority(folder / "root.pem", "server", [], self.reactor.seconds(), self._random)

    def start(self, **wanted: list[str]) -> ACMESource:
        source = ACMESource(wanted, self._issue, self.folder / "acme", self.reactor, self._random, Logger())
        self.network.run_until(Deferred.fromCoroutine(source.start(self.shown.append, self.challenges)))
        return source

    def stop(self, source: ACMESource) -> None:
        self.network.run_until(Deferred.fromCoroutine(source.stop()))

    def _issue(self, names: Sequence[str], challenges: MutableMapping[str, bytes]) -> bytes:
        assert challenges is self.challenges
        self.orders.append([*names])
        if self.failing:
            raise OSError(self.failing)
        made = self._authority.issue(names, self.reactor.seconds())
        key = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem: bytes = key + made.chain[0].public_bytes(Encoding.PEM)
        return pem


@pytest.fixture
def world(network: Network, tmp_path: Path) -> World:
    return World(network, tmp_path)


def test_what_is_missing_is_ordered_and_kept(world: World) -> None:
    source = world.start(www=["www.test", "a.test"], mail=["mail.test"])
    world.network.run(1)
    assert world.orders == [["www.test", "a.test"], ["mail.test"]]
    assert {one.name: one.names for one in world.shown} == {
        "www": {"www.test", "a.test"},
        "mail": {"mail.test"},
    }
    assert (world.folder / "acme" / "www.pem").stat().st_mode & 0o777 == 0o600
    world.stop(source)
    world.orders.clear()
    world.shown.clear()
    world.start(www=["www.test", "a.test"], mail=["mail.test"])
    assert [one.name for one in world.shown] == ["www", "mail"]
    world.network.run(DAY)
    assert world.orders == []


def test_it_is_renewed_in_the_last_third_of_its_life(world: World) -> None:
    world.start(www=["www.test"])
    world.network.run(29 * DAY)
    assert len(world.orders) == 1
    world.network.run(4 * DAY)
    assert len(world.orders) == 2
    assert world.shown[1].not_after - world.shown[0].not_after > timedelta(days=29)
    world.network.run(365 * DAY)
    now = datetime.fromtimestamp(world.reactor.seconds(), UTC)
    assert world.shown[-1].not_after > now + timedelta(days=10)


def test_what_is_kept_for_other_names_is_shown_until_the_new_one_is_there(world: World) -> None:
    world.stop(world.start(www=["www.test"]))
    source = world.start(www=["www.test"])
    world.network.run(1)
    world.stop(source)
    world.shown.clear()
    world.start(www=["www.test", "new.test"])
    assert [one.names for one in world.shown] == [{"www.test"}]
    world.network.run(1)
    assert [one.names for one in world.shown[1:]] == [{"www.test", "new.test"}]


def test_a_failure_is_told_once_an_attempt_and_repeated_with_pauses(world: World) -> None:
    world.failing = "the server is on fire"
    with capturedLogs() as events:
        world.start(www=["www.test"])
        world.network.run(3600)
    assert 4 <= len(world.orders) <= 6
    reasons = [event["reason"] for event in events if event.get("event") == "certificate"]
    assert reasons == [world.failing] * len(world.orders)
    world.network.run(10 * DAY)
    assert len(world.orders) < 120
    world.failing = ""
    world.network.run(DAY / 4)
    assert len(world.shown) == 1


def test_a_certificate_that_cannot_be_renewed_stays_until_it_can(world: World) -> None:
    world.start(www=["www.test"])
    world.network.run(1)
    world.failing = "no"
    world.network.run(40 * DAY)
    assert len(world.shown) == 1
    world.failing = ""
    world.network.run(DAY / 2)
    assert len(world.shown) == 2


def test_a_file_that_is_damaged_is_ordered_anew(world: World) -> None:
    (world.folder / "acme").mkdir()
    (world.folder / "acme" / "www.pem").write_bytes(b"rubbish")
    world.start(www=["www.test"])
    world.network.run(1)
    assert world.orders == [["www.test"]]
    assert len(world.shown) == 1


def test_a_stop_waits_for_the_order_under_way_and_begins_no_other(world: World) -> None:
    source = world.start(www=["www.test"], mail=["mail.test"])
    world.stop(source)
    world.network.run(DAY)
    assert len(world.orders) <= 1
    assert world.shown == []
