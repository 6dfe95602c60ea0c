"""How the documentation becomes a site: ``make docs``."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest_mtls
from docs.generated import BUILT, filled

project = "pytest-mtls"
author = "the pytest-mtls developers"
version = release = pytest_mtls.__version__
copyright = f"2026, {author}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_argparse_cli",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False

# Nothing is fetched from other projects' sites, so what is theirs cannot be resolved. What is ours must be, except
# what constructors take that nobody calls.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!pytest_mtls\b).*"),
    ("py:class", r"pytest_mtls\.engines\.protocol\.(Listener|RunningNginx)"),
    ("py:class", r"pytest_mtls\.arguments\.(_BlockArguments|Unset)"),
    (
        "py:.*",
        r"pytest_mtls\.(pki\.(issued\.HasCertificate|tls\.load_credential|trustme\.Trustme\w+)|clients\.asking\.ask)",
    ),
]

html_theme = "furo"
html_title = "pytest-mtls"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True


# GitHub would show a toctree as a block of code.
EXAMPLES = """
```{toctree}
:hidden:
:glob:

*
```
"""
# Seventy pages: in the sidebar of every page they would be in the way, and half of what a build costs.
NOT_IN_THE_SIDEBAR = "---\norphan: true\n---\n"


def setup(app: Sphinx) -> None:
    """Put what is made from the code into the pages, and each page into its chapter."""

    def fill(_app: Sphinx, page: str, source: list[str]) -> None:
        text = filled(source[0], BUILT)
        if page == "examples/README":
            text += EXAMPLES
        if page.startswith("scenarios/") and not page.endswith("/README"):
            text = NOT_IN_THE_SIDEBAR + text
        source[0] = text

    app.connect("source-read", fill)
