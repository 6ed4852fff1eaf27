"""Pages from templates (Jinja2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from netforge.web.responses import HTML

__all__ = ["Templates"]


class Templates:
    """A folder of templates. What they insert is escaped, and a name that nobody gave is an error.

    :param folder: where they are; as ``package:folder``, inside of a package.
    :param values: what every template knows.
    :raises ValueError: if there is no such folder.
    """

    def __init__(self, folder: str | Path, **values: Any) -> None:
        package, colon, inside = ("", "", "") if isinstance(folder, Path) else folder.partition(":")
        if not colon and not Path(folder).is_dir():
            raise ValueError(f"there is no folder {Path(folder).absolute()} for templates")
        loader: BaseLoader = PackageLoader(package, inside) if colon else FileSystemLoader(folder)
        self.environment = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals |= values

    def page(self, name: str, /, *, status: int = 200, **values: Any) -> HTML:
        """A page.

        :param name: of the template, such as ``index.html``.
        :raises jinja2.TemplateNotFound: if there is none.
        """
        return HTML(self.environment.get_template(name).render(values), status)
