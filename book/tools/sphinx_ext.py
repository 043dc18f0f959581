"""Sphinx extension that makes the pages self-contained: they ask nothing of any other host."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from sphinx.application import Sphinx

MATHJAX = "tex-svg.js"
"""MathJax in one file, with its fonts drawn as SVG: nothing is loaded later."""


def mathjax_source() -> Path:
    """Find the file ``MATHJAX`` among the installed packages.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileNotFoundError
        If the package sphinx-mathjax-offline is not installed.
    """
    # the package's name has hyphens, so no import statement can reach it
    found = importlib.util.find_spec("sphinx-mathjax-offline")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the package sphinx-mathjax-offline is not installed")
    return Path(found.submodule_search_locations[0], "static", "mathjax", MATHJAX)


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy that one file; the package's own extension would copy all of its 20 MB.

    Parameters
    ----------
    app
        The running build.
    error
        What ended it, if it failed.
    """
    if error is None and app.builder.format == "html":
        shutil.copy(mathjax_source(), Path(app.outdir, "_static"))


def silence_thebe(app: Sphinx) -> None:
    """Keep sphinx-thebe, which Jupyter Book always loads, from writing into pages.

    It would add its inline script twice, which is an error in the browser's console, and name a
    server for live code that this book does not use.

    Parameters
    ----------
    app
        The build that is being set up.
    """
    for listeners in app.events.listeners.values():
        listeners[:] = [
            listener
            for listener in listeners
            if listener.handler.__module__ != "sphinx_thebe"
            # its style sheet is asked for already, so that one has to be there
            or listener.handler.__name__ == "st_static_path"
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx.

    Parameters
    ----------
    app
        The running build.

    Returns
    -------
    dict
        That the extension is safe in parallel builds.
    """
    app.config.mathjax_path = MATHJAX
    silence_thebe(app)
    app.connect("build-finished", copy_mathjax)
    app.setup_extension("book.tools.downloads")
    app.setup_extension("book.tools.launch")
    app.setup_extension("book.tools.provenance")
    app.setup_extension("book.tools.scholar")
    app.setup_extension("book.tools.theme")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
