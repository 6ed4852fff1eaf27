"""Layers on the listeners of a blueprint, and the files that a plan watches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import model_validator
from zope.interface import Interface, implementer

from netforge.plugin import Context, Field, ILayer, Listen, Parts, Place, Settings, service

if TYPE_CHECKING:
    from netforge.host.discovery import Catalogue
    from tests.conftest import Installed
    from tests.host.settings.conftest import Draw, Wrong


class ICertificates(Interface):
    """Something that a layer needs."""


class TLSKeys(Settings):
    """Keys of one layer."""

    tls: bool = Field(False, description="whether it is on")
    certificate: Path | None = Field(None, description="a file", watch=True, renamed_from="cert")

    @model_validator(mode="after")
    def _go_together(self) -> TLSKeys:
        if self.certificate is not None and not self.tls:
            raise ValueError("a certificate needs tls = true")
        return self


class LimitKeys(Settings):
    """Keys of another layer."""

    most: int = Field(0, ge=0, description="the most")


@implementer(ILayer)
class Layer:
    """A layer that is on where its first key is."""

    def __init__(self, name: str, place: Place, keys: type[Settings], *needs: Any) -> None:
        self.name, self.place, self.keys, self.needs = name, place, keys, needs

    def active(self, keys: Any) -> bool:
        return bool(getattr(keys, next(iter(self.keys.model_fields))))

    def wrap_stream(self, factory: Any, keys: Any, listener: Any) -> Any:
        return factory

    def wrap_datagram(self, receiver: Any, keys: Any, listener: Any) -> Any:
        return receiver


TLS = Layer("tls", Place.TLS, TLSKeys, ICertificates)
LIMITS = Layer("limits", Place.LIMITS, LimitKeys)


class Files(Settings):
    """Files within."""

    seen: list[Path] = Field([], description="watched in a list", watch=True)
    other: Path | None = Field(None, description="not watched")


class Serving(Settings):
    """A service."""

    listen: list[Listen] = Field([], description="where")
    one: Path | None = Field(None, description="watched", watch=True)
    unseen: Path | None = Field(None, description="not watched")
    named: dict[str, Path] = Field({}, description="watched by name", watch=True)
    files: Files | None = Field(None, description="a table within")


@service("serving", Serving)
def serving(settings: Serving, context: Context) -> Parts:
    """Build nothing."""
    return []


class Nothing(Settings):
    """No settings."""


@service("ca", Nothing, offers=[ICertificates])
def authority(settings: Nothing, context: Context) -> Parts:
    """Build nothing."""
    return []


@pytest.fixture
def catalogue(installed: type[Installed]) -> Catalogue:
    return installed(serving, shared=[authority], layers=[LIMITS, TLS])


def test_only_layers_that_are_on_are_there_from_the_protocol_outwards(drawn: Draw, catalogue: Catalogue) -> None:
    text = """
    [services.serving]
    listen = ["tcp:1", { address = "tcp:2", most = 3 }, { address = "tcp:3", tls = true, most = 4 }]
    """
    plan = drawn(text, catalogue).plans[-1]
    assert [[active.layer for active in one.layers] for one in plan.listeners] == [[], [LIMITS], [TLS, LIMITS]]
    assert [active.keys for active in plan.listeners[2].layers] == [TLSKeys(tls=True), LimitKeys(most=4)]


def test_a_layer_that_is_off_needs_nothing(drawn: Draw, catalogue: Catalogue) -> None:
    [plan] = drawn("[services.serving]\nlisten = [{ address = 'tcp:1', tls = false, most = 3 }]", catalogue).plans
    assert plan.providers == {}


def test_what_a_layer_needs_is_provided_with_its_listener(drawn: Draw, catalogue: Catalogue) -> None:
    first, second = drawn("[services.serving]\nlisten = [{ address = 'tcp:1', tls = true }]", catalogue).plans
    assert (first.name, second.providers) == ("ca", {ICertificates: "ca"})


def test_paths_of_a_layer_count_from_the_folder_of_the_file(drawn: Draw, catalogue: Catalogue, folder: Path) -> None:
    text = "[services.serving]\nlisten = [{ address = 'tcp:1', tls = true, certificate = 'a.pem' }]"
    [active] = drawn(text, catalogue).plans[-1].listeners[0].layers
    assert active.keys == TLSKeys(tls=True, certificate=folder / "a.pem")


def test_keys_of_a_layer_may_be_renamed(drawn: Draw, catalogue: Catalogue, folder: Path) -> None:
    blueprint = drawn("[services.serving]\nlisten = [{ address = 'tcp:1', tls = true, cert = 'a.pem' }]", catalogue)
    assert [str(one) for one in blueprint.warnings] == [
        "forge.toml:2: services.serving.listen[0].cert: is called 'certificate' now; netforge check --fix renames it"
    ]


def test_what_is_wrong_for_a_layer_is_said_at_its_listener(wrong: Wrong, catalogue: Catalogue) -> None:
    assert wrong("[services.serving]\nlisten = ['tcp:1', { address = 'tcp:2', most = -1 }]", catalogue) == [
        "forge.toml:2: services.serving.listen[1].most: expected at least 0; found -1"
    ]
    text = "[services.serving]\nlisten = [\n  'tcp:1',\n  { address = 'tcp:2', certificate = 'a.pem' },\n]"
    assert wrong(text, catalogue) == [
        "forge.toml:4: services.serving.listen[1]: a certificate needs tls = true",
    ]


def test_watched_files_are_found_wherever_they_stand(drawn: Draw, catalogue: Catalogue, folder: Path) -> None:
    text = """
    [services.serving]
    listen = [{ address = 'tcp:1', tls = true, certificate = 'certificate' }]
    one = 'one'
    unseen = 'unseen'
    named = { a = 'named' }
    files = { seen = ['in-list', 'in-list-too'], other = 'other' }
    """
    watched = drawn(text, catalogue).plans[-1].watched
    assert {path.name for path in watched} == {"certificate", "one", "named", "in-list", "in-list-too"}
    assert {path.parent for path in watched} == {folder}


@pytest.mark.parametrize("name", ["one", "named.a", "files.seen", "listen"])
def test_a_plan_changes_with_the_content_of_a_watched_file(
    drawn: Draw, catalogue: Catalogue, folder: Path, name: str
) -> None:
    value = {
        "files.seen": "['file']",
        "listen": "[{ address = 'tcp:1', tls = true, certificate = 'file' }]",
    }.get(name, "'file'")
    text, file = f"[services.serving]\n{name} = {value}", folder / "file"
    absent = drawn(text, catalogue).plans[-1]
    assert list(absent.watched.values()) == [None]
    file.write_text("a")
    os.utime(file, ns=(1, 1))
    made = drawn(text, catalogue).plans[-1]
    assert not made.same_as(absent)
    assert made.same_as(drawn(text, catalogue).plans[-1])
    file.write_text("ab")
    os.utime(file, ns=(1, 1))
    longer = drawn(text, catalogue).plans[-1]
    assert not longer.same_as(made)
    os.utime(file, ns=(2, 2))
    assert not drawn(text, catalogue).plans[-1].same_as(longer)


def test_a_plan_stays_the_same_when_another_file_changes(drawn: Draw, catalogue: Catalogue, folder: Path) -> None:
    text = "[services.serving]\nunseen = 'file'\nfiles = { other = 'file' }"
    [before] = drawn(text, catalogue).plans
    (folder / "file").write_text("a")
    assert before.same_as(drawn(text, catalogue).plans[0])
