"""Events as lines, for programs and for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from twisted.logger import LogEvent, formatEvent

from netforge.shared.logs.fields import fields, level, masked, source

__all__ = ["Format", "as_colour", "as_json", "as_text"]

#: Makes a line, or several, of an event, with the end of the line. Empty for an event that has nothing to say.
Format = Callable[[LogEvent], str]

#: SGR parameters (ECMA-48, section 8.3.117) by level.
COLOURS = {"debug": "2", "info": "32", "warn": "33", "error": "31", "critical": "1;31"}

#: What moves a cursor or hides text: a peer must not paint on the terminal of whoever reads the log.
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def as_json(event: LogEvent) -> str:
    """One object a line: ``time``, ``level``, ``service``, ``message``, then the event's own fields."""
    event = masked(event)
    line = {"time": _time(event), "level": level(event).name, "service": source(event), "message": _message(event)}
    line.update(fields(event))
    if traceback := _traceback(event):
        line["traceback"] = traceback
    return json.dumps(line) + "\n"


def as_text(event: LogEvent) -> str:
    """Time, level, service and message. Further lines of a message, and those of a traceback, are indented."""
    return _text(event, "{time} {level:8} {service}: {message}\n")


def as_colour(event: LogEvent) -> str:
    """The same, for a terminal."""
    colour = COLOURS[level(event).name]
    return _text(
        event, f"\x1b[2m{{time}}\x1b[0m \x1b[{colour}m{{level:8}}\x1b[0m \x1b[1m{{service}}\x1b[0m: {{message}}\n"
    )


def _text(event: LogEvent, form: str) -> str:
    event = masked(event)
    said = "\n".join(filter(None, (_message(event), _traceback(event))))
    if not said:
        return ""
    message = CONTROLS.sub(_escaped, said.rstrip("\n")).replace("\n", "\n    ")
    return form.format(time=_time(event), level=level(event).name, service=source(event), message=message)


def _message(event: LogEvent) -> str:
    """What the event says. Twisted's own way takes long, and only few formats need it: those with calls in them."""
    form = event.get("log_format")
    if isinstance(form, str) and "(" not in form and "log_flattened" not in event:
        with suppress(Exception):
            return form.format_map(event)
    return formatEvent(event)


def _time(event: LogEvent) -> str:
    """RFC 3339, in UTC, with milliseconds."""
    return datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return "" if failure is None else failure.getTraceback()


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
