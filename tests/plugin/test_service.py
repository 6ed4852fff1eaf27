"""``@service``, contributions, parts, and ``ServicePlugin`` as what they make."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, cast

import pytest
from twisted.internet.protocol import Factory

from netforge.plugin import (
    CONTRACT,
    Command,
    Context,
    Contribution,
    Field,
    IBus,
    Listen,
    Part,
    Parts,
    ServicePlugin,
    Settings,
    Stream,
    Task,
    service,
)

CONTEXT = cast(Context, object())


class Greeting(Settings):
    """Greets whoever connects, politely.

    At length.
    """

    listen: Listen = Field(Listen("tcp:7"), description="where")


@dataclass(frozen=True)
class Page(Contribution):
    """Another kind of contribution."""


async def run(context: Context, options: Greeting) -> None:
    """A command that does nothing."""


COMMAND = Command("greet me", Greeting, run)


@service("greeting", Greeting)
def greet(settings: Greeting, context: Context) -> Parts:
    """Build one part."""
    return [Stream(settings.listen, Factory())]


def test_calling_a_service_calls_its_build() -> None:
    seen: list[object] = []

    @service("seen", Greeting)
    def build(settings: Greeting, context: Context) -> Parts:
        seen.extend([settings, context])
        return []

    settings = Greeting()
    assert build(settings, CONTEXT) == []
    assert seen == [settings, CONTEXT]


def test_a_build_may_be_a_generator_or_a_coroutine() -> None:
    @service("generator", Greeting)
    def generator(settings: Greeting, context: Context) -> Iterator[Part]:
        yield Stream(settings.listen, Factory())

    @service("coroutine", Greeting)
    async def coroutine(settings: Greeting, context: Context) -> Parts:
        return [Stream(settings.listen, Factory())]

    parts: Any = generator(Greeting(), CONTEXT)
    assert [part.listen for part in parts] == [Listen("tcp:7")]
    awaited = coroutine(Greeting(), CONTEXT)
    assert isinstance(awaited, Awaitable)
    cast(Any, awaited).close()


def test_a_service_that_says_little_has_little() -> None:
    assert isinstance(greet, ServicePlugin)
    assert (greet.name, greet.settings, greet.contract) == ("greeting", Greeting, CONTRACT)
    assert (greet.needs, greet.offers, greet.examples, greet.contributions) == ((), (), (), ())
    assert (greet.exclusive, greet.lab) == (False, "")


def test_a_service_is_what_it_says() -> None:
    @service(
        "full",
        Greeting,
        needs=[IBus],
        exclusive=True,
        lab="[services.full]",
        examples=["a", "b"],
        contributes=[COMMAND],
        contract=7,
    )
    def full(settings: Greeting, context: Context) -> Parts:
        return []

    assert (full.needs, full.exclusive) == ((IBus,), True)
    assert (full.lab, full.examples, full.contributions) == ("[services.full]", ("a", "b"), (COMMAND,))
    assert full.contract == 7


def test_a_service_that_offers_something_cannot_be_exclusive() -> None:
    assert service("offering", Greeting, offers=[IBus])(lambda settings, context: []).offers == (IBus,)
    with pytest.raises(ValueError, match=r"^both: an exclusive service cannot offer anything"):
        service("both", Greeting, offers=[IBus], exclusive=True)


def test_a_service_never_changes() -> None:
    changeable: Any = greet
    with pytest.raises(FrozenInstanceError):
        changeable.name = "other"


def test_settings_cannot_claim_a_key_of_the_host() -> None:
    class Claiming(Settings):
        """Claims ``service``."""

        service: str = Field("", description="the host's")

    with pytest.raises(ValueError, match=r"^Claiming\.service: the name belongs to the host; choose another$"):
        service("claiming", Claiming)


def test_the_title_is_the_first_line_of_the_settings_docstring() -> None:
    class Silent(Settings):
        pass

    assert greet.title == "Greets whoever connects, politely"
    assert service("silent", Silent)(lambda settings, context: []).title == "silent"


@pytest.mark.parametrize("docstring", ["", " \n "])
def test_the_title_is_the_name_where_the_docstring_says_nothing(docstring: str) -> None:
    blank = type("Blank", (Settings,), {"__doc__": docstring, "__module__": __name__})
    assert service("blank", blank)(lambda settings, context: []).title == "blank"


def test_contributions_are_found_by_their_kind() -> None:
    page = Page("index")
    plugin = service("contributing", Greeting, contributes=[COMMAND, page])(lambda settings, context: [])
    assert list(plugin.contributed(Command)) == [COMMAND]
    assert list(plugin.contributed(Page)) == [page]
    assert list(plugin.contributed(Contribution)) == [COMMAND, page]
    assert list(greet.contributed(Command)) == []


def test_a_task_is_called_by_its_name_or_by_that_of_its_function() -> None:
    def begin() -> None:
        pass

    assert str(Task(begin, begin, "queue")) == "queue"
    assert str(Task(begin, begin)).endswith("<locals>.begin")
