"""How Sphinx makes the site. `build.sh` copies the parts together and calls it; no network: fonts are local."""

import nfloat

project = "nfloat"
author = "nfloat's authors"
version = release = nfloat.__version__
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["tutorials/solutions"]
html_theme = "furo"
html_title = "nfloat"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
nb_execution_mode = "off"  # notebooks are committed with their outputs; the tests run them
myst_enable_extensions = ["colon_fence"]
autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"  # the docstrings say it
numpydoc_show_class_members = False
numpydoc_validation_checks = set()
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type", "misc.highlighting_failure"]


def _bars(app, what, name, obj, options, lines):
    """|x| is a magnitude here, not reStructuredText's substitution."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else line.replace("|", "\\|") for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", _bars)
