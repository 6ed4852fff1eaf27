"""Errors that a plugin raises to speak to the person in front of it."""

from __future__ import annotations

__all__ = ["CommandFailed"]


class CommandFailed(Exception):  # noqa: N818  says what happened
    """A command could not do its work. Its text is printed and the exit status is 1.

    :param message: what was wrong, where, and what was expected.
    """
