"""The small services: echo, discard, daytime, time, chargen and qotd, on streams and datagrams."""

from netforge.services.echo.service import EchoSettings, echo

__all__ = ["EchoSettings", "echo"]
