"""A permalink and citations at each result and equation, kept for good.

``book/anchors.txt`` lists every anchor that was ever published. One that no page has any more must
name the anchor that took its place, to which its old address then leads. Sections and figures are
listed only once they have moved.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Set
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator
from sphinx_proof.nodes import NODE_TYPES

from book.pages.cite import Anchor, Book, bibtex, csl_json, read_book, ris

ROOT = Path(__file__).resolve().parents[2]
KEPT = "book/anchors.txt"
_FORMATS = (("BibTeX", "bibtex", bibtex), ("CSL-JSON", "json", csl_json), ("RIS", "text", ris))
_KINDS: Any = (nodes.math_block, *NODE_TYPES.values())
_FOLLOW = Path(__file__).with_name("moved.js").read_text(encoding="utf-8")
_LOGGER = logging.getLogger(__name__)


class Citation(nodes.General, nodes.Element):
    """A line with an anchor's permalink and its citations, which no search finds."""


@cache
def doctrees(env: BuildEnvironment) -> dict[str, nodes.document]:
    """Load all pages, once they are read; references in them are not resolved."""
    return {page: env.get_doctree(page) for page in sorted(env.found_docs)}


@cache
def collect(env: BuildEnvironment) -> dict[str, tuple[Anchor, nodes.Element]]:
    """Find by label everything that can be cited; beside its anchor stands the node it marks."""
    found = {}
    for page, doctree in doctrees(env).items():
        chapter = env.titles[page].astext()
        for node in doctree.findall(is_citable):
            if isinstance(node, nodes.math_block):
                kind, title = "equation", ""
            else:
                kind, title = node["realtype"], _title(node)
            anchor = Anchor(node["label"], kind, title, chapter, f"{page}.html", node["ids"][0])
            found[anchor.label] = (anchor, node)
    return found


def is_citable(node: nodes.Node) -> bool:
    """Tell whether a node is a labelled equation or result."""
    return isinstance(node, _KINDS) and bool(node.get("label")) and bool(node["ids"])


def _title(node: nodes.Element) -> str:
    # sphinx-proof keeps it as it will be shown: " (The edge)"
    return str(node[0].astext()).strip().removeprefix("(").removesuffix(")")


@cache
def the_book(base_url: str) -> Book:
    """What ``CITATION.cff`` says of the book that stands at an address."""
    return read_book(ROOT / "CITATION.cff", base_url)


def visit_citation(writer: HTML5Translator, node: Citation) -> None:
    """Write the line as HTML that works without a script.

    Its ``link`` leads to the anchor from other pages, its ``entry`` to the index of results.
    """
    anchor: Anchor = node["anchor"]
    book = the_book(writer.config.html_baseurl)
    link = escape(node.get("link", f"#{anchor.fragment}"))
    label = escape(anchor.label)
    entry = ""
    if "entry" in node:
        entry = f'<a class="entry" href="{escape(node["entry"])}">Code and tests</a>'
    writer.body.append(
        f'<div class="cite"><a class="permalink" href="{link}" title="Permanent link">'
        f"{label}</a>{entry}<details><summary>Cite<span> {label}</span></summary>"
    )
    for name, language, write in _FORMATS:
        text = writer.highlighter.highlight_block(write(anchor, book), language)
        writer.body.append(f'<p>{name}</p><div class="notranslate">{text}</div>')
    writer.body.append("</details></div>")
    raise nodes.SkipNode


# --- the kept list ---


def read_kept(text: str) -> dict[str, str]:
    """Read of all anchors that were ever published where each has moved to; empty if it has not.

    Each has a line ``PAGE.html#ANCHOR``, with `` -> PAGE.html#ANCHOR`` behind it if it has moved;
    lines that begin with ``#`` are comments.
    """
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition(" -> ") for line in lines if line and not line.startswith("#"))
    return {old.strip(): new.strip() for old, _, new in pairs}


def complaints(
    kept: dict[str, str], there: set[str], others: Set[str] = frozenset()
) -> Iterator[str]:
    """Compare what `read_kept` gives with the addresses in the pages: what is wrong, and a cure.

    ``there`` are results and equations, ``others`` whatever else one can move from or to.
    """
    anywhere = there | others
    for address, target in kept.items():
        if not target and address not in there:
            yield (
                f"{address} was published, but no page has it: bring it back, or say in {KEPT} "
                f"where it is now: {address} -> PAGE.html#ANCHOR"
            )
        if target and address in anywhere:
            yield f"{address} is said to have moved to {target}, but a page still has it"
        if target and target not in anywhere:
            yield f"{address} is said to have moved to {target}, which no page has"
    for address in sorted(there - kept.keys()):
        # what sphinx-proof calls a statement without a label
        if re.search(r"#[a-z]+-\d+$", address):
            yield f"{address} has no label: give it one, it is permanent from then on"
        else:
            yield f"{address} is new: add the line {address} to {KEPT}, it is permanent from now on"


@cache
def _kept() -> dict[str, str]:
    return read_kept((ROOT / KEPT).read_text(encoding="utf-8"))


def check_kept(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which ends the build, where an anchor has vanished or is not on the list."""
    there = {anchor.address for anchor, _ in collect(env).values()}
    anything = {
        f"{page}.html#{name}"
        for page, doctree in doctrees(env).items()
        for node in doctree.findall(nodes.Element)
        for name in node["ids"]
    }
    for complaint in complaints(_kept(), there, anything):
        _LOGGER.warning("%s: %s", KEPT, complaint)


def _moved_from(page: str) -> dict[str, str]:
    """Anchors that have left a page, each with its new address relative to that page."""
    old = f"{page}.html#"
    return {
        address.removeprefix(old): posixpath.relpath(target, posixpath.dirname(page) or ".")
        for address, target in _kept().items()
        if target and address.startswith(old)
    }


def pages_that_are_gone(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make a page of links in the place of each page that is gone and had anchors."""
    pages = {address.partition(".html#")[0] for address, target in _kept().items() if target}
    for page in sorted(pages - app.env.found_docs):
        links = "".join(
            f'<li><a href="{escape(target)}">{escape(fragment)}</a></li>'
            for fragment, target in _moved_from(page).items()
        )
        body = f"<h1>This page has moved</h1><p>What was here is now at:</p><ul>{links}</ul>"
        yield page, {"title": "This page has moved", "body": body}, "page.html"


def redirect(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Lead those who come to an anchor that has left a page to its new place, by a script."""
    if moved := _moved_from(page):
        script = f"const moved = {json.dumps(moved)};\n{_FOLLOW}"
        context["metatags"] = context.get("metatags", "") + f"<script>{script}</script>"
