"""The host: from settings to a running tree of services.

:class:`Forge` is Twisted's ``IService``; :func:`forge_from_file` and :func:`forge_from_text` make one for a program, a
``.tac`` file or a test.
"""

from netforge.host.errors import BindError, ServiceFailed
from netforge.host.forge import Forge, State
from netforge.host.reading import forge_from_file, forge_from_text
from netforge.host.serving import Serving
from netforge.host.settings import Problem, SettingsError
from netforge.host.tree import Change

__all__ = [
    "BindError",
    "Change",
    "Forge",
    "Problem",
    "ServiceFailed",
    "Serving",
    "SettingsError",
    "State",
    "forge_from_file",
    "forge_from_text",
]
