"""Settings of the documentation: `make docs` builds it into `build/docs`."""

from newtongue import __version__

project = "newtongue"
author = "The newtongue authors"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"newtongue {__version__}"
myst_heading_anchors = 3
napoleon_google_docstring = True
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # The signatures have them, and docstrings say shapes.
exclude_patterns = ["build"]
