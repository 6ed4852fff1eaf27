"""``check_service``: the services that are installed pass, and each fault is found."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo
from zope.interface import implementer

from netforge.plugin import Context, Field, IDrainable, Listen, Parts, ServicePlugin, Settings, Stream, Task, service
from netforge.protocols.echo import EchoFactory
from netforge.testing import CheckFailed, check_service


class One(Settings):
    """A service under test."""

    listen: Listen = Field(Listen("tcp:1000"), description="where to listen")


def declared(*parts: Any, **options: Any) -> ServicePlugin[One]:
    """A service of echo and of further parts, which are made of the context."""

    @service("one", One, **options)
    def one(settings: One, context: Context) -> Parts:
        return [Stream(settings.listen, EchoFactory(context.clock)), *(part(context) for part in parts)]

    return one


@pytest.mark.parametrize("name", ["echo", "chat"])
def test_what_is_installed_passes(name: str) -> None:
    check_service(name)


@pytest.mark.parametrize("exclusive", [False, True])
def test_what_is_right_passes(exclusive: bool) -> None:
    check_service(declared(exclusive=exclusive))
    check_service(declared(), '[services.a]\nservice = "one"\nlisten = "unix:a.sock"\n[services.one]')


def test_an_example_that_is_wrong() -> None:
    with pytest.raises(CheckFailed, match=r"examples: an example is wrong[^$]*\[services.one\]\nlisten = 5"):
        check_service(declared(examples=["[services.one]\nlisten = 5\n"]))


def test_a_lab_of_something_else() -> None:
    with pytest.raises(CheckFailed, match="examples: the lab does not run it"):
        check_service(declared(lab='[services.echo]\nlisten = ["tcp:7"]\n'))


def test_settings_without_the_service() -> None:
    with pytest.raises(CheckFailed, match=r"start: one\n.*the settings run one"):
        check_service(declared(), '[services.echo]\nlisten = ["tcp:7"]\n')


def test_a_start_that_fails() -> None:
    def failing(context: Context) -> Task:
        raise LookupError("no such thing")

    with pytest.raises(CheckFailed, match=r"start: one\n(.|\n)*LookupError: no such thing"):
        check_service(declared(failing))


def test_a_failure_that_is_only_logged() -> None:
    def later(context: Context) -> Task:
        return Task(lambda: context.clock.callLater(0.5, lambda: 1 / 0), lambda: None)

    with pytest.raises(CheckFailed, match=r"nothing is logged as a failure(.|\n)*ZeroDivisionError"):
        check_service(declared(later))


def test_a_second_instance_that_cannot_start() -> None:
    built: list[Context] = []

    def only_once(context: Context) -> Task:
        built.append(context)
        if len(built) > 1:
            raise RuntimeError("there can be only one")
        return Task(lambda: None, lambda: None)

    with pytest.raises(CheckFailed, match=r"reload: one\n(.|\n)*there can be only one"):
        check_service(declared(only_once))


def test_a_reload_that_cuts_connections() -> None:
    class Cutting(EchoFactory):
        def buildProtocol(self, addr: Any) -> Any:
            self.built = super().buildProtocol(addr)
            return self.built

    made: list[Any] = []

    @service("one", One)
    def one(settings: One, context: Context) -> Parts:
        if made:
            made[-1].built.transport.abortConnection()
        made.append(Cutting(context.clock))
        return [Stream(settings.listen, made[-1])]

    with pytest.raises(CheckFailed, match="1 of 1 connections were closed"):
        check_service(one)


@implementer(IDrainable)
class Reluctant(Echo):
    def drain(self) -> None:
        """Goes on."""


@pytest.mark.parametrize("protocol", [Echo, Reluctant])
def test_connections_that_never_drain(protocol: type[Protocol]) -> None:
    @service("one", One)
    def one(settings: One, context: Context) -> Parts:
        return [Stream(settings.listen, Factory.forProtocol(protocol))]

    with pytest.raises(CheckFailed, match=r"stop: one\n.*in less than 30 s\n.*it took 30"):
        check_service(one)
    check_service(one, drains=False)


def test_a_delayed_call_that_is_left() -> None:
    def ticking(context: Context) -> Task:
        def tick() -> None:
            context.clock.callLater(60, tick)

        return Task(tick, lambda: None)

    with pytest.raises(CheckFailed, match=r"something is left(.|\n)*a delayed call of .*tick, due in"):
        check_service(declared(ticking))


def test_a_service_that_is_not_there() -> None:
    with pytest.raises(LookupError, match="nothing"):
        check_service("nothing")
