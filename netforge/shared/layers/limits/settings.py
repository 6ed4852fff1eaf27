"""The keys of the layer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from netforge.plugin import Field, Settings

__all__ = ["Limits", "LimitsKeys"]


class Limits(Settings):
    """Limits of one listener. 0 takes a limit away."""

    total: int = Field(
        10_000, ge=0, description="connections of the listener at once; who comes then waits in the kernel's queue"
    )
    connections: list[int] = Field(
        [100, 300, 900],
        description="connections at once from a client's network: IPv4 /32, /26 and /21; IPv6 /64, /48 and /32",
        min_length=3,
        max_length=3,
    )
    rates: list[int] = Field(
        [600, 1800, 5400],
        description="new connections a minute, or datagrams, from a client's network, of the same sizes",
        min_length=3,
        max_length=3,
    )
    loopback: bool = Field(False, description="whether clients on this machine count towards connections and rates")
    greeting: float = Field(60.0, ge=0, description="seconds until the client must have sent something")
    idle: float = Field(60.0, ge=0, description="seconds without progress after which a connection is cut")
    progress: int = Field(
        1, ge=1, description="bytes within the seconds of idle, both ways together, that are progress"
    )
    bandwidth: int = Field(0, ge=0, description="bytes a second of one connection, each way")

    @field_validator("connections", "rates")
    @classmethod
    def _not_below_zero(cls, value: list[int]) -> list[int]:
        if min(value) < 0:
            raise ValueError("expected three numbers, each at least 0")
        return value


def _of_switch(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


class LimitsKeys(Settings):
    """Limits."""

    limits: Annotated[Limits | None, BeforeValidator(_of_switch, json_schema_input_type=bool | Limits)] = Field(
        True, description="what clients may use; false for no limits, true for those below"
    )
