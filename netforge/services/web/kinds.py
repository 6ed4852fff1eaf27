"""The kinds of what is served at a path. Each is imported where it is used, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from netforge.plugin import Context, Settings
from netforge.services.web.hosted import Hosted
from netforge.services.web.shorthand import written_out

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be served.

    :param module: where it is, below this package.
    :param settings_name: its settings model, whose first key a value that is no table is short for. Where its ``needs``
        are given, they are the interfaces of the shared components that it uses.
    :param host_name: a function of settings and context that makes it.
    :param patient: whether it has deadlines of its own: then ``timeout`` counts only where its place has it.
    """

    module: str
    settings_name: str
    host_name: str
    patient: bool = False

    def settings(self, value: Any, reading: Any) -> Settings:
        """Read its settings.

        :param reading: what they are read in, as pydantic's context.
        :raises ValueError: saying what is wrong.
        """
        model: type[Settings] = self._load(self.settings_name)
        try:
            return model.model_validate(written_out(model, value), context=reading)
        except ValidationError as error:
            missing = [str(one["loc"][0]) for one in error.errors() if one["type"] == "missing"]
            if not missing:
                raise
            # The host cannot know this model, and so not what is missing.
            name = missing[0]
            raise ValueError(f"{name} is required: {model.model_fields[name].description}") from None

    def host(self, settings: Settings, context: Context) -> Hosted:
        """Make it."""
        make: Callable[[Settings, Context], Hosted] = self._load(self.host_name)
        return make(settings, context)

    def needs(self, settings: Settings) -> Sequence[Any]:
        """The interfaces of the shared components that it uses."""
        return getattr(settings, "needs", ())

    def _load(self, name: str) -> Any:
        return getattr(import_module(f"{__package__}.{self.module}"), name)


KINDS = {
    "static": Kind("static", "StaticSettings", "host_static"),
    "site": Kind("site", "ApplicationSettings", "host_site"),
    "asgi": Kind("asgi", "ASGISettings", "host_asgi"),
    "wsgi": Kind("wsgi", "WSGISettings", "host_wsgi"),
    "tornado": Kind("tornado", "TornadoSettings", "host_tornado"),
    "resource": Kind("resource", "ResourceSettings", "host_resource"),
    "proxy": Kind("proxy", "ProxySettings", "host_proxy", patient=True),
    "service": Kind("published", "PublishedSettings", "host_published"),
    "redirect": Kind("redirect", "RedirectSettings", "host_redirect"),
    "respond": Kind("respond", "RespondSettings", "host_respond"),
}
