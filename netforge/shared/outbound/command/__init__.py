"""``netforge http``: requests by hand, by the client that services use."""

from __future__ import annotations

from netforge.plugin import Command, Context, IOutbound
from netforge.shared.outbound.command.options import HTTPOptions

__all__ = ["HTTP", "HTTPOptions"]


async def http(context: Context, options: HTTPOptions) -> None:
    """Make a request, and print the response or save it."""
    # Late: what only this command needs.
    from netforge.shared.outbound.command.running import run  # noqa: PLC0415

    await run(context, options)


HTTP = Command("http", HTTPOptions, http, needs=[IOutbound])
