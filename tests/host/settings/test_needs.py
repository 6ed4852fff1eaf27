"""What services need, and who offers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Interface

from netforge.host.discovery import Plugin
from netforge.plugin import Field, Settings, service

if TYPE_CHECKING:
    from tests.conftest import Installed
    from tests.host.settings.conftest import Draw, Wrong


class IMail(Interface):
    """Something to need."""


class INames(Interface):
    """Something else to need."""


class Nothing(Settings):
    """A service without settings."""


class Required(Settings):
    """A provider that cannot do without a setting."""

    url: str = Field(description="where its server is")


def plugin(
    name: str, needs: Sequence[Any] = (), offers: Sequence[Any] = (), settings: type[Settings] = Nothing
) -> Plugin:
    return service(name, settings, needs=needs, offers=offers)(lambda settings, context: [])


def test_the_only_provider_that_is_installed_needs_no_table(drawn: Draw, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a", needs=[IMail]), shared=[plugin("post", offers=[IMail])])
    plans = drawn("[services.a]", catalogue).plans
    assert [plan.name for plan in plans] == ["post", "a"]
    assert plans[1].providers == {IMail: "post"}


def test_a_provider_that_nobody_needs_is_not_made(drawn: Draw, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a"), shared=[plugin("post", offers=[IMail])])
    assert [plan.name for plan in drawn("[services.a]", catalogue).plans] == ["a"]


def test_a_provider_in_the_file_is_taken_under_its_name_there(drawn: Draw, installed: type[Installed]) -> None:
    shared = [plugin("post", offers=[IMail]), plugin("pigeon", offers=[IMail])]
    catalogue = installed(plugin("a", needs=[IMail]), shared=shared)
    plans = drawn("[services.a]\n[shared.mine]\nservice = 'pigeon'", catalogue).plans
    assert [(plan.name, plan.plugin.name) for plan in plans] == [("mine", "pigeon"), ("a", "a")]
    assert plans[1].providers == {IMail: "mine"}


def test_needs_of_providers_are_met_too_and_stand_before_them(drawn: Draw, installed: type[Installed]) -> None:
    shared = [plugin("post", needs=[INames], offers=[IMail]), plugin("names", offers=[INames])]
    catalogue = installed(plugin("a", needs=[IMail]), plugin("b", needs=[INames]), shared=shared)
    names = [plan.name for plan in drawn("[services.a]\n[services.b]", catalogue).plans]
    assert sorted(names) == ["a", "b", "names", "post"]
    assert names.index("names") < names.index("post") < names.index("a")
    assert names.index("names") < names.index("b")


def test_two_providers_in_the_file_are_an_error(wrong: Wrong, installed: type[Installed]) -> None:
    shared = [plugin("post", offers=[IMail]), plugin("pigeon", offers=[IMail])]
    catalogue = installed(plugin("a", needs=[IMail]), shared=shared)
    assert wrong("[services.a]\n[shared.post]\n[shared.pigeon]", catalogue) == [
        "forge.toml:1: services.a: post and pigeon both offer IMail: remove one"
    ]


def test_two_providers_that_are_installed_ask_for_a_choice(wrong: Wrong, installed: type[Installed]) -> None:
    shared = [plugin("post", offers=[IMail]), plugin("pigeon", offers=[IMail])]
    catalogue = installed(plugin("a", needs=[IMail]), shared=shared)
    assert wrong("[services.a]", catalogue) == [
        "forge.toml:1: services.a: needs IMail: add [shared.pigeon] or [shared.post] to choose what offers it"
    ]


def test_a_need_that_nothing_meets_is_said_for_each_service(wrong: Wrong, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a", needs=[IMail, INames]), plugin("b", needs=[IMail]))
    assert wrong("[services.a]\n[services.b]", catalogue) == [
        "forge.toml:1: services.a: needs IMail: nothing that is installed offers it",
        "forge.toml:1: services.a: needs INames: nothing that is installed offers it",
        "forge.toml:2: services.b: needs IMail: nothing that is installed offers it",
    ]


def test_a_provider_that_requires_settings_says_so_once(wrong: Wrong, installed: type[Installed]) -> None:
    catalogue = installed(
        plugin("a", needs=[IMail]),
        plugin("b", needs=[IMail]),
        shared=[plugin("post", offers=[IMail], settings=Required)],
    )
    assert wrong("[services.a]\n[services.b]", catalogue) == [
        "forge.toml: shared.post.url: is required: where its server is"
    ]


def test_a_circle_of_needs_is_named(wrong: Wrong, installed: type[Installed]) -> None:
    shared = [plugin("post", needs=[INames], offers=[IMail]), plugin("names", needs=[IMail], offers=[INames])]
    catalogue = installed(plugin("a", needs=[IMail]), shared=shared)
    [problem] = wrong("[services.a]\n[shared.post]\n[shared.names]", catalogue)
    assert problem.split(": ", 2)[2] in {
        "a circle of needs: post needs names needs post",
        "a circle of needs: names needs post needs names",
    }


def test_a_circle_of_providers_that_have_no_table_is_named_too(wrong: Wrong, installed: type[Installed]) -> None:
    shared = [plugin("post", needs=[INames], offers=[IMail]), plugin("names", needs=[IMail], offers=[INames])]
    [problem] = wrong("[services.a]", installed(plugin("a", needs=[IMail]), shared=shared))
    assert "a circle of needs: " in problem


def test_a_service_cannot_have_the_name_of_a_component(wrong: Wrong, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a"), shared=[plugin("post", offers=[IMail])])
    assert wrong("[shared.post]\n[services.post]\nservice = 'a'", catalogue) == [
        "forge.toml:2: services.post: a shared component is called 'post' already"
    ]


def test_a_service_cannot_have_the_name_of_a_component_that_is_needed(wrong: Wrong, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a", needs=[IMail]), plugin("b"), shared=[plugin("post", offers=[IMail])])
    assert wrong("[services.a]\n[services.post]\nservice = 'b'", catalogue) == [
        "forge.toml:2: services.post: the name is that of the component that offers IMail: choose another"
    ]


def test_problems_of_a_provider_and_of_who_needs_it_are_said_at_once(wrong: Wrong, installed: type[Installed]) -> None:
    catalogue = installed(plugin("a", needs=[IMail, INames]), shared=[plugin("post", offers=[IMail])])
    assert wrong("[services.a]\n[shared.post]\nx = 1", catalogue) == [
        "forge.toml:1: services.a: needs INames: nothing that is installed offers it",
        "forge.toml:3: shared.post.x: unknown key",
    ]
