"""The layers around applications, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator

from netforge.plugin import Field, Settings
from netforge.protocols.http import Application
from netforge.services.web.around.accesslog import AccessLog
from netforge.services.web.around.authentication import Authentication, AuthSettings
from netforge.services.web.around.bodies import body_cap
from netforge.services.web.around.cors import CORS, CORSSettings
from netforge.services.web.around.deadlines import Deadlines
from netforge.services.web.around.errorpages import ErrorPages, ErrorSettings
from netforge.services.web.around.headers import ExtraFields, HeaderSettings
from netforge.services.web.around.https import HSTSSettings, redirect_to_https, strict_transport
from netforge.services.web.around.layer import Layer, Premises
from netforge.services.web.around.measures import Measures
from netforge.services.web.around.rates import RateSettings, rate_limit

__all__ = ["AroundSettings", "layers", "put_around"]


class AroundSettings(Settings):
    """What stands around a site or a place. What is off by itself can be ``false``, where a site has it on."""

    log: bool = Field(True, description="whether each request is an event in the log")
    metrics: bool = Field(True, description="whether requests are counted")
    headers: HeaderSettings = Field(
        HeaderSettings(), description="fields of every response; false adds none that protect browsers"
    )
    hsts: HSTSSettings | None = Field(
        None, description="browsers come by HTTPS alone from now on (Strict-Transport-Security); or the seconds"
    )
    errors: ErrorSettings = Field(ErrorSettings(), description="error pages; false for plain text alone")
    https: Literal["redirect", False] = Field(False, description="who comes in the clear is sent to HTTPS")
    cors: CORSSettings | None = Field(
        None, description="which pages of other sites may read what is here; or the list of them"
    )
    rate: RateSettings | None = Field(
        None, description="how often a client may ask, unless it is on this machine; or how many requests a minute"
    )
    auth: AuthSettings | None = Field(None, description="who may come in; all if left out. Or the realm")
    body: int = Field(10 * 1024 * 1024, ge=0, description="the most bytes of a request's body; 0 for no limit")
    timeout: float = Field(
        60.0, ge=0, description="seconds within which a response must begin, else it is status 503; 0 for no limit"
    )

    @field_validator("hsts", "cors", "rate", "auth", mode="before")
    @classmethod
    def _may_be_off(cls, value: Any) -> Any:
        return None if value is False else value


#: What makes each layer of its settings, from the client inwards.
ORDER: Mapping[str, Any] = {
    "log": AccessLog.of,
    "metrics": Measures.of,
    "headers": ExtraFields.of,
    "hsts": strict_transport,
    "errors": ErrorPages.of,
    "https": redirect_to_https,
    "cors": CORS.of,
    "rate": rate_limit,
    "auth": Authentication.of,
    "body": body_cap,
    "timeout": Deadlines.of,
}


def layers(
    settings: AroundSettings, premises: Premises, inherited: Mapping[str, Layer | None] | None = None
) -> Mapping[str, Layer | None]:
    """The layers by their keys in the settings; ``None`` for one that is off.

    :param inherited: those of the site, for a place: they stay but for the keys that the place has itself.
    """
    return {
        key: make(getattr(settings, key), premises)
        if inherited is None or key in settings.model_fields_set
        else inherited[key]
        for key, make in ORDER.items()
    }


def put_around(application: Application, around: Mapping[str, Layer | None]) -> Application:
    """An application within layers."""
    for layer in reversed([*around.values()]):
        if layer is not None:
            application = layer(application)
    return application
