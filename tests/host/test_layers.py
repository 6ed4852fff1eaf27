"""Layers: which are on, in which order they stand, and what they may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import AbstractDatagramProtocol
from zope.interface import implementer

from netforge.host import SettingsError
from netforge.plugin import Context, Datagram, Field, ILayer, Listen, Listener, Place, Settings, Stream, service
from netforge.plugin.interfaces import IBus

if TYPE_CHECKING:
    from tests.host.conftest import Stage


class OuterKeys(Settings):
    """The outer layer."""

    outer: bool = Field(False, description="on")


class InnerKeys(Settings):
    """The inner layer."""

    inner: bool = Field(False, description="on")


@implementer(ILayer)
class Noting:
    """A layer that notes what it is asked to wrap, and wraps nothing."""

    def __init__(self, name: str, place: Place, keys: type[Settings], needs: Sequence[Any]) -> None:
        self.name = name
        self.place = place
        self.keys = keys
        self.needs = needs
        self.wrapped: list[str] = []
        self.contexts: list[Context] = []
        self.listeners: list[Listener] = []
        self.held = False

    def active(self, keys: Any) -> bool:
        return bool(getattr(keys, self.name))

    def wrap_stream(self, factory: IProtocolFactory, keys: Any, listener: Listener) -> IProtocolFactory:
        assert isinstance(listener.part, Stream)
        self.wrapped.append(f"{self.name} {listener.address}")
        self.contexts.append(listener.context)
        self.listeners.append(listener)
        if self.held:
            listener.hold("first", True)
        return factory

    def wrap_datagram(
        self, receiver: AbstractDatagramProtocol, keys: Any, listener: Listener
    ) -> AbstractDatagramProtocol:
        assert isinstance(listener.part, Datagram)
        self.wrapped.append(f"{self.name} {listener.address}")
        return receiver


def layers(stage: Stage, order: list[str]) -> tuple[Noting, Noting]:
    """Two layers, which note their calls in one list."""
    outer = Noting("outer", Place.LIMITS, OuterKeys, [stage.greeting])
    inner = Noting("inner", Place.TLS, InnerKeys, [])
    outer.wrapped = inner.wrapped = order
    stage.layers += [outer, inner]
    return outer, inner


def test_only_what_is_on_wraps_and_the_innermost_first(stage: Stage) -> None:
    order: list[str] = []
    layers(stage, order)
    stage.start("""
        [[services.a.listen]]
        address = "tcp:1001"
        outer = true
        inner = true
        [[services.a.listen]]
        address = "udp:1002"
        inner = true
        [[services.a.listen]]
        address = "tcp:1003"
        [services.a]
        service = "actor"
    """)
    assert order == ["inner tcp:0.0.0.0:1001", "outer tcp:0.0.0.0:1001", "inner udp:0.0.0.0:1002"]


def test_a_layer_gets_what_it_needs_and_no_more(stage: Stage) -> None:
    outer, _ = layers(stage, [])
    stage.start('[services.a]\nservice = "actor"\nlisten = [{ address = "tcp:1001", outer = true }]')
    [context] = outer.contexts
    assert context.name == "a"
    assert context[stage.greeting] is stage.greetings["greeter1"]
    for asking, owner in ((context, "layer 'outer'"), (stage.contexts["a1"], "service 'a'")):
        interface = IBus if asking is context else stage.greeting
        with pytest.raises(LookupError) as caught:
            asking[interface]
        name = interface.__name__
        assert caught.value.args == (f"{owner} asked for {name} without declaring it: add needs=[{name}]",)


def test_a_layer_that_is_turned_on_rebuilds_its_service_alone(stage: Stage) -> None:
    layers(stage, [])
    text = '[services.a]\nservice = "actor"\nlisten = [{}]\n[services.b]\nservice = "actor"\n'
    forge = stage.start(text.format('"tcp:1001"'))
    port = stage.reactor.port(1001)
    change = stage.result(stage.reload(forge, text.format('{ address = "tcp:1001", inner = true }')))
    assert (change.replaced, change.kept) == (["a"], ["b"])
    assert stage.reactor.ports == [port]


def test_what_a_layer_keeps_its_service_never_gets(stage: Stage) -> None:
    outer, _ = layers(stage, [])
    stage.start('[services.a]\nservice = "actor"\nlisten = [{ address = "tcp:1001", outer = true }]')
    assert outer.contexts[0].keep("key", lambda: "the layer's") == "the layer's"
    assert stage.contexts["a1"].keep("key", lambda: "the service's") == "the service's"


def test_a_key_of_a_default_that_no_layer_has_is_an_error(stage: Stage) -> None:
    class Misspelt(Settings):
        """A default with a key that is wrong."""

        listen: Listen = Listen("tcp:1001", {"cuont": True})

    stage.services.append(service("misspelt", Misspelt)(lambda settings, context: []))
    with pytest.raises(SettingsError, match="cuont: unknown key of a listener, in the plugin's default"):
        stage.forge("[services.misspelt]")


class TunedKeys(Settings):
    """A layer with a table of its own."""

    tuned: dict[str, int] | bool = Field(False, description="whether and how")


def tuning(stage: Stage, **declared: Any) -> list[Any]:
    """Install a layer, and a service ``tuner`` that has defaults for it. The keys that the layer sees are noted."""
    seen: list[Any] = []

    class Tuning(Noting):
        def wrap_stream(self, factory: IProtocolFactory, keys: Any, listener: Listener) -> IProtocolFactory:
            seen.append(keys.tuned)
            return factory

    stage.layers.append(Tuning("tuned", Place.SIGHT, TunedKeys, []))
    stage.services.append(stage.plugin("tuner", **declared))
    return seen


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {"low": 1, "high": 9}),
        ("tuned = { high = 5 }", {"low": 1, "high": 5}),
        ("tuned = true", {"low": 1, "high": 9}),
        ("tuned = false", None),
    ],
)
def test_a_service_has_its_own_defaults_for_the_keys_of_layers(stage: Stage, given: str, expected: object) -> None:
    seen = tuning(stage, listener={"tuned": {"low": 1, "high": 9}})
    stage.start(f"""
        [[services.tuner.listen]]
        address = "tcp:1001"
        {given}
    """)
    assert seen == ([] if expected is None else [expected])


def test_a_default_for_a_key_that_no_layer_has_is_an_error(stage: Stage) -> None:
    stage.services.append(stage.plugin("tuner", listener={"tuned": True}))
    with pytest.raises(SettingsError, match="tuned: unknown key of a listener, in the plugin's default"):
        stage.forge('[services.tuner]\nlisten = ["tcp:1001"]')


def test_a_port_is_held_as_long_as_anyone_has_a_reason(stage: Stage) -> None:
    outer, _ = layers(stage, [])
    stage.start("""
        [[services.a.listen]]
        address = "tcp:1001"
        outer = true
        [services.a]
        service = "actor"
        [shared.greeter]
    """)
    [listener] = outer.listeners
    port = stage.reactor.port(1001)
    listener.hold("full", True)
    listener.hold("full", True)
    listener.hold("memory", True)
    assert not port.reading
    listener.hold("full", False)
    assert not port.reading
    listener.hold("memory", False)
    listener.hold("memory", False)
    assert port.reading


def test_a_port_that_is_held_before_it_listens_does_not_accept(stage: Stage) -> None:
    outer, _ = layers(stage, [])
    outer.held = True
    stage.start("""
        [[services.a.listen]]
        address = "tcp:1001"
        outer = true
        [services.a]
        service = "actor"
        [shared.greeter]
    """)
    assert not stage.reactor.port(1001).reading
    outer.listeners[0].hold("first", False)
    assert stage.reactor.port(1001).reading
