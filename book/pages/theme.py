"""Mend what the theme and its companions leave to wish for: weight, and readers who do not see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

_UNUSED_WITHOUT = {
    # cards, grids and tabs
    'class="sd-': ("sphinx-design.min.css", "design-tabs.js"),
    # Sphinx gives the first page what any page below it needs
    "math notranslate": ("tex-svg.js", "window.MathJax ="),
}
"""Parts of files' names or of scripts, by what stands in the body of a page that uses them."""


def use_templates(app: Sphinx, config: Config) -> None:
    """Let the files in ``templates`` take the place of the theme's of the same name.

    Parameters
    ----------
    app
        The running build.
    config
        Its settings, which are changed.
    """
    config.templates_path.append(str(Path(__file__).with_name("templates")))


def mend_page(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: object
) -> None:
    """Change one page just before it is written.

    Parameters
    ----------
    app
        The running build.
    page
        Its name.
    template
        What it is made with.
    context
        What the template is given, which is changed.
    doctree
        Of the page, if it has one.
    """
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
        files = context.get(kind)
        if isinstance(files, list):
            context[kind] = [file for file in files if not _holds(file, unused)]


def _signature_lines(found: re.Match[str]) -> str:
    lines = found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return lines.rstrip("\n")


def _holds(file: Any, parts: list[str]) -> bool:
    told = f"{file.filename} {file.attributes.get('body', '')}"
    return any(part in told for part in parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    Parameters
    ----------
    app
        The running build.

    Returns
    -------
    dict
        That parallel builds are safe.
    """
    app.connect("config-inited", use_templates)
    # after the extensions that add files to a page
    app.connect("html-page-context", mend_page, priority=900)
    app.add_css_file("theme.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
