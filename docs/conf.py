"""The site of the documentation, for Sphinx. It is built without a network."""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "dfbackends"
release = version = version_of("dfbackends")
extensions = ["myst_parser", "sphinx.ext.autodoc", "oslo_config.sphinxext"]
html_theme = "furo"
html_title = f"dfbackends {release}"
html_show_sphinx = False

# Links within a page, as the forge makes them.
myst_heading_anchors = 3
# The domain of oslo.config fails on names that are not its own.
myst_ref_domains = ["std", "py"]

autodoc_member_order = "bysource"
# What a class takes is told where it is meant to be called: most are made by others.
autodoc_class_signature = "separated"
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "exclude-members": "__init__, __new__",
}

# Without a network there is no index of what others document; and a type variable is documented nowhere.
nitpick_ignore_regex = [
    ("py:.*", r"(abc|cfg|collections|enum|threading|types|typing)\..*"),
    ("py:.*", r"(.*\.)?(T|M_co|Api_co)"),
]

_DOCS = Path(__file__).parent
_LINK = re.compile(r"\[([^]]+)\]\((?!https?://|#)([^)#]+)\)")


def _name_what_is_no_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the path of a file of the repository in place of a link to it: the forge shows it, the site does not."""

    def named(link: re.Match[str]) -> str:
        text, target = link.groups()
        path = (_DOCS / page).parent.joinpath(target).resolve()
        if path.is_relative_to(_DOCS):
            return link[0]
        name = f"`{path.relative_to(_DOCS.parent)}`"
        return name if text.strip("`/") in name else f"{text} ({name} in the repository)"

    source[0] = _LINK.sub(named, source[0])


def _drop_what_python_says(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Leave out that a field of a named tuple is its field number so and so."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _name_what_is_no_page)
    app.connect("autodoc-process-docstring", _drop_what_python_says)
