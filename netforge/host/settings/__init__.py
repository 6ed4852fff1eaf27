"""Settings: from the text of a file, or from flags, to a blueprint that can be built; with every error at once."""

from netforge.host.settings.blueprint import Blueprint, Plan, draw
from netforge.host.settings.document import read_document, read_table, read_text
from netforge.host.settings.model import HostSettings
from netforge.host.settings.problems import Problem, SettingsError

__all__ = [
    "Blueprint",
    "HostSettings",
    "Plan",
    "Problem",
    "SettingsError",
    "draw",
    "read_document",
    "read_table",
    "read_text",
]
