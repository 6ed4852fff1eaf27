"""What every kind of site comes to: an application, and what runs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netforge.plugin import Task
from netforge.protocols.http import Application

__all__ = ["Hosted"]


@dataclass(frozen=True, slots=True)
class Hosted:
    """Something to serve.

    :param application: what answers.
    :param tasks: what starts before it is asked anything, and stops after its last answer.
    """

    application: Application
    tasks: Sequence[Task] = ()
