"""Numbers of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from netforge.plugin import Context, IReadings, Parts, Settings, service

if TYPE_CHECKING:
    from netforge.testing import Lab
    from netforge.testing.pytest_plugin import MakeLab


class ReaderSettings(Settings):
    """Somebody who reads the numbers."""


class Watched:
    """A lab, and its numbers."""

    def __init__(self, make: MakeLab, settings: str, plugins: list[Any]) -> None:
        contexts: list[Context] = []

        @service("reader", ReaderSettings, needs=[IReadings])
        def reader(settings: ReaderSettings, context: Context) -> Parts:
            contexts.append(context)
            return []

        self.lab: Lab = make(f"[services.reader]\n{settings}", plugins=[reader, *plugins])
        self._contexts = contexts

    def numbers(self, service_name: str = "echo") -> dict[str, float]:
        """What is not 0 of a service, without buckets, by the name without its beginning and the label *reason*."""
        found = {}
        for line in self._contexts[-1][IReadings].numbers("")[1].decode().splitlines():
            name, _, rest = line.partition("{")
            labels, _, value = rest.partition("} ")
            if f'service="{service_name}"' in labels and not name.endswith(("_bucket", "_created")) and float(value):
                reason = labels.partition('reason="')[2].partition('"')[0]
                found[" ".join(filter(None, (name.removeprefix("netforge_"), reason)))] = float(value)
        return found


class Watch(Protocol):
    """What the fixture :func:`watch` is."""

    def __call__(self, settings: str, *plugins: Any) -> Watched:
        """Run settings."""
        ...


@pytest.fixture
def watch(lab: MakeLab) -> Watch:
    """Runs settings on the simulated network, and reads their numbers."""
    return lambda settings, *plugins: Watched(lab, settings, list(plugins))
