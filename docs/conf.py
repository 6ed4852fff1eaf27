"""Sphinx's settings for the documentation of netforge."""

import sys
from pathlib import Path

from netforge import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "netforge"
copyright = "2026, the netforge authors"  # noqa: A001  Sphinx's name
release = version = __version__

extensions = ["sphinx.ext.autodoc", "reference_directives"]
exclude_patterns = ["_build", "_ext", "examples"]
smartquotes = False  # they would make one dash of the two before an option

html_theme = "furo"
html_title = f"netforge {__version__}"
html_copy_source = False
html_static_path = ["_static"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 100
add_module_names = False
toc_object_entries_show_parents = "hide"
