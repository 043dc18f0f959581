"""Mend what the theme and its companions leave to wish for.

The pages ask nothing of any other host, load no more than they use, and serve readers who do not
see or have no pointer.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from book.pages.results import LABEL

MATHJAX = "tex-svg.js"
"""MathJax in one file, with its fonts drawn as SVG: nothing is loaded later."""

TEMPLATES = Path(__file__).with_name("templates")
"""Files that take the place of the theme's of the same name."""

_UNUSED_WITHOUT = {
    # cards, grids and tabs
    'class="sd-': ("sphinx-design.min.css", "design-tabs.js"),
    # live code
    "thebe-launch-button": ("sphinx-thebe.css",),
    # Sphinx gives the first page what any page below it needs
    "math notranslate": (MATHJAX, "window.MathJax ="),
}
"""Parts of files' names or of scripts, by what stands in the body of a page that uses them."""


def mathjax_source() -> Path:
    """Find that one file; the package's own extension would copy all of its 20 MB."""
    return Path(str(files("sphinx-mathjax-offline").joinpath("static", "mathjax", MATHJAX)))


def silence_thebe(app: Sphinx) -> None:
    """Keep sphinx-thebe, which Jupyter Book always loads, from writing into pages.

    It would add its inline script twice, which is an error in the browser's console, and name a
    server for live code that this book does not use.
    """
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if one.handler.__module__ != "sphinx_thebe"]


def write_one_page_alike(app: Sphinx) -> None:
    """Let the builder ``singlehtml`` write each node as ``html`` does.

    It would do so by itself if sphinx-exercise did not name its nodes for both.
    """
    writers = app.registry.translation_handlers
    writers["singlehtml"] = writers["html"] | writers.get("singlehtml", {})


def mend_page(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: object
) -> None:
    """Change one page just before it is written."""
    body = str(context.get("body", ""))
    # a list may hold nothing but items, and this one holds links too; the role of its items is
    # deprecated since ARIA 1.3 for the same reason
    body = re.sub(
        r' role="doc-biblioentry"|(?<=<div) role="list"(?= class="citation-list")', "", body
    )
    # a signature of several lines is written as a list of definitions with nothing defined
    body = re.sub(r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>", _signature_lines, body)
    # a table that is wider than a phone is scrolled by keyboard, too
    scrolled = '<div class="pst-scrollable-table-container"'
    body = body.replace(f"{scrolled}>", f'{scrolled} tabindex="0">')
    if body:
        context["body"] = body
    unused = [part for mark, parts in _UNUSED_WITHOUT.items() if mark not in body for part in parts]
    for kind in ("css_files", "script_files"):
        given = context.get(kind)
        if isinstance(given, list):
            context[kind] = [file for file in given if not _holds(file, unused)]


def _signature_lines(found: re.Match[str]) -> str:
    lines = found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return lines.rstrip("\n")


def _holds(file: Any, parts: list[str]) -> bool:
    told = f"{file.filename} {file.attributes.get('body', '')}"
    return any(part in told for part in parts)


# --- the reference: what the docstrings say, as the book writes it ---

# "~" asks for the last part of a name alone
_ARRAY = re.compile(r"~?numpy\.ndarray\[.*?, ~?numpy\.dtype\[~?(numpy|typing)\.(\w+)\]\]")


def tidy_docstring(
    app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]
) -> None:
    """Turn each result's label in a docstring into a link to it, and each ``*`` into a star."""
    # a shape such as (*task.shape, lives) would begin emphasis
    plain = (re.sub(r"(?<=[(\s])\*(?=[a-z])", r"\\*", line) for line in lines)
    plain = (_ARRAY.sub(r"NDArray[\2]", line) for line in plain)
    lines[:] = [LABEL.sub(r":prf:ref:`\g<0>`", line) for line in plain]


def tidy_signature(*event: Any) -> tuple[str | None, str | None]:
    """Write ``NDArray[float64]`` where autodoc writes out what that stands for."""
    # the last two of what autodoc tells are the arguments and what is returned
    arguments, returns = (
        text and _ARRAY.sub(r"~numpy.typing.NDArray[~\1.\2]", text) for text in event[-2:]
    )
    return arguments, returns
