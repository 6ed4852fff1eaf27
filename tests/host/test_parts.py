"""Parts: each on its own listener of the settings, and each offer as it was declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol

from netforge.host import State
from netforge.plugin import Context, Datagram, Field, Listen, Offer, Parts, Settings, Stream, Task, service
from netforge.plugin.interfaces import IBus

if TYPE_CHECKING:
    from tests.host.conftest import Stage


class Two(Settings):
    """Two listeners."""

    first: Listen = Listen("tcp:1001")
    second: Listen = Listen("udp:1002")


Build = Callable[[Two, Context], Parts]


def built(stage: Stage, build: Build, **declared: Any) -> str:
    """Why the start of a service that is built so failed."""
    stage.services.append(service("own", Two, **declared)(build))
    forge = stage.forge("[services.own]")
    forge.startService()
    stage.reactor.turn()
    assert forge.state is State.STOPPED
    return str(stage.failure(forge.when_ready()))


class Named(Factory[Protocol]):
    protocol = Protocol

    def __repr__(self) -> str:
        # Without its address, since parametrized tests are called by their parameters.
        return "<a factory>"


FACTORY = Named()


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda settings, context: [], "ValueError: nothing serves tcp:0.0.0.0:1001, udp:0.0.0.0:1002"),
        (
            lambda settings, context: [Stream(settings.first, FACTORY), Stream(settings.first, FACTORY)],
            "ValueError: tcp:0.0.0.0:1001 is not a free listener of the settings",
        ),
        (
            lambda settings, context: [Stream(settings.second, FACTORY)],
            "ValueError: udp:0.0.0.0:1002 is for datagrams (Datagram), but the part is a Stream",
        ),
        (
            lambda settings, context: [Datagram(settings.first, DatagramProtocol())],
            "ValueError: tcp:0.0.0.0:1001 is for streams (Stream), but the part is a Datagram",
        ),
        (
            lambda settings, context: [FACTORY],
            f"TypeError: expected Stream, Datagram, Task or Offer, found {FACTORY!r}",
        ),
        (
            lambda settings, context: None,
            "TypeError: expected the parts of the service, such as a list of them, found None",
        ),
    ],
)
def test_parts_that_do_not_fit_the_settings(stage: Stage, build: Build, reason: str) -> None:
    assert built(stage, build) == f"service 'own' (forge.toml:1) failed to build: {reason}"


@pytest.mark.parametrize(
    ("offers", "parts", "reason"),
    [
        ([], [Offer(IBus, object())], "ValueError: it offers IBus without declaring it: add offers=[IBus]"),
        ([IBus], [], "ValueError: it declares that it offers IBus, but its parts have no such Offer"),
        ([IBus], [Offer(IBus, object())], "ValueError: what it offers is no IBus: "),
    ],
)
def test_offers_that_do_not_fit_the_declaration(stage: Stage, offers: list[Any], parts: list[Any], reason: str) -> None:
    text = built(stage, lambda settings, context: parts, offers=offers)
    assert text.startswith(f"service 'own' (forge.toml:1) failed to build: {reason}")


class Twins(Settings):
    """Two listeners of one address, each with a port of its own."""

    first: Listen = Listen("tcp:127.0.0.1:0")
    second: Listen = Listen("tcp:127.0.0.1:0")
    turned: bool = Field(False, description="whether the second part comes first")


def test_two_parts_on_listeners_of_one_address_each_keep_their_own(stage: Stage) -> None:
    def build(settings: Twins, context: Context) -> Parts:
        parts = [Stream(settings.first, FACTORY, protocol="first"), Stream(settings.second, FACTORY, protocol="second")]
        return parts[::-1] if settings.turned else parts

    stage.services.append(service("twins", Twins)(build))
    forge = stage.start("[services.twins]")
    before = {one.protocol: one.address for one in forge.serving}
    assert len(set(before.values())) == 2
    assert stage.result(stage.reload(forge, "[services.twins]\nturned = true")).replaced == ["twins"]
    assert {one.protocol: one.address for one in forge.serving} == before


def test_a_build_may_be_a_generator(stage: Stage) -> None:
    def build(settings: Two, context: Context) -> Parts:
        yield Stream(settings.first, FACTORY)
        yield Datagram(settings.second, stage.receivers["a1"])
        yield Task(lambda: stage.step("own", "start"), lambda: stage.step("own", "stop"))

    stage.services.append(service("own", Two)(build))
    stage.start('[services.a]\nservice = "actor"\n[services.own]')
    assert stage.happened()[-2:] == ["own start", "a1 receive"]
