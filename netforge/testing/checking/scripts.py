"""The program that shows again what a check has found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["replaying"]

_TEMPLATE = """\
{imports}
{check}({arguments})
"""

_PLACEHOLDER = '''

def make(reactor):
    """Put here what makes the factory: it was {what}."""
    raise NotImplementedError

'''


def replaying(check: Callable[..., None], make: Callable[..., Any], arguments: Sequence[Any], **options: Any) -> str:
    """A complete program that calls a check as it was called.

    :param make: its first argument. It is imported if it has a name to be imported by; else the program has a
        function in its place that is to be filled in.
    """
    imports = f"from netforge.testing.checking import {check.__name__}\n"
    called = "make"
    home = _home(make)
    if home is None:
        imports += _PLACEHOLDER.format(what=_whereabouts(make))
    else:
        module, called, folder = home
        importing = f"from {module} import {called.partition('.')[0]}\n"
        # As isort has it: by the modules' names.
        imports = "".join(sorted([imports, importing], key=lambda line: line.split()[1]))
        if folder:
            imports = f"import sys\n\nsys.path.insert(0, {folder!r})\n\n{imports}"
    written = [called, *map(repr, arguments), *(f"{name}={value!r}" for name, value in _given(check, options).items())]
    return _TEMPLATE.format(imports=imports, check=check.__name__, arguments=", ".join(written))


def _given(check: Callable[..., None], options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those options that differ from the defaults."""
    defaults = check.__kwdefaults__ or {}
    return {name: value for name, value in options.items() if value != defaults[name]}


def _home(make: Callable[..., Any]) -> tuple[str, str, str] | None:
    """The module and the name that something can be imported by, and the folder to import from."""
    owner = getattr(make, "__self__", None)
    if isinstance(owner, type):  # a class method
        module, name = owner.__module__, f"{owner.__qualname__}.{getattr(make, '__name__', '')}"
    else:
        module, name = getattr(make, "__module__", None) or "", getattr(make, "__qualname__", "")
    found: Any = sys.modules.get(module)
    folder = _folder(found) if found is not None and module != "__main__" else None
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name, folder) if found == make and folder is not None else None


def _folder(module: Any) -> str | None:
    """What must be in ``sys.path`` for a module to be found; ``None`` if nothing helps."""
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    path = Path(file).with_suffix("")
    parts = module.__name__.split(".")
    if path.name == "__init__":
        path = path.parent
    return str(Path(*path.parts[: -len(parts)])) if list(path.parts[-len(parts) :]) == parts else None


def _whereabouts(make: Callable[..., Any]) -> str:
    code = getattr(make, "__code__", None)
    name = getattr(make, "__qualname__", repr(make))
    return f"{name}, from {code.co_filename}:{code.co_firstlineno}" if code is not None else name
