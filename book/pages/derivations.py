"""What the pages say of results: whose they are, how to cite them, and an index of them all.

The index (see `book.pages.results`) stands at ``{derivations}``, all by whose they are at
``{credits}``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from docutils import nodes
from docutils.utils import new_document
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, sphinx_domains

from book.pages import results
from book.pages.anchors import ROOT, Citation, collect, doctrees, is_citable
from book.pages.cite import Anchor
from book.pages.provenance import words
from book.pages.results import CLAIMS, ORIGINS, SYMBOLIC, Entry

WORDS = words("derivations.md.jinja", origins=ORIGINS, symbolic=SYMBOLIC)
_LOGGER = logging.getLogger(__name__)


@cache
def all_entries(env: BuildEnvironment) -> dict[str, Entry]:
    """Every label that anything names, with what names it."""
    claims = (anchor for anchor, _ in collect(env).values() if anchor.kind in CLAIMS)
    return results.gather(
        {anchor.label: anchor.kind for anchor in claims},
        results.proofs(),
        results.documented_functions(env.get_domain("py").objects),  # type: ignore[attr-defined]
        results.marked_tests(ROOT / "tests"),
    )


class Place(nodes.General, nodes.Element):
    """Where the directive ``name`` stands, until all pages are read."""


class PlaceDirective(SphinxDirective):
    """``{derivations}``: the index of all results; ``{credits}``: all results by whose they are."""

    def run(self) -> list[nodes.Node]:
        """Leave a place for it."""
        return [Place(name=self.name)]


class SayMore(SphinxPostTransform):
    """Add what is known of results and equations, before Sphinx resolves references."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        """Replace each place; say below each result whose it is, and of all how to cite them."""
        found, indexes = collect(self.env), _index_pages(self.env)
        known = {
            label: (found[label][0], entry)
            for label, entry in all_entries(self.env).items()
            if entry.proof and label in found
        } if indexes else {}  # fmt: skip
        for place in list(self.document.findall(Place)):
            parts = self._parse(getattr(WORDS, place["name"])(known.values()))
            if place["name"] == "derivations":
                parts += [self._section(*about) for about in known.values()]
            place.replace_self(parts)
        for node in list(self.document.findall(is_citable)):
            label = node["label"]
            line = Citation(anchor=found[label][0])
            if label in known:
                (said,) = self._parse(WORDS.credited(known[label][1].proof))
                said["classes"].append("credit")
                node += said
                line["entry"] = self._link(indexes[0], f"derivation-{label}")
            if isinstance(node, nodes.math_block):
                node.parent.insert(node.parent.index(node) + 1, line)
            else:
                node += line

    def _link(self, page: str, fragment: str) -> str:
        """Link to a place of another page, also where all pages are made into one."""
        address = self.app.builder.get_relative_uri(self.env.docname, page)
        return f"{address.partition('#')[0]}#{fragment}"

    def _parse(self, text: str) -> list[nodes.Element]:
        document = new_document(self.document["source"], self.document.settings)
        with sphinx_domains(self.env):
            MystParser().parse(text, document)
        return list(document.children)

    def _section(self, anchor: Anchor, entry: Entry) -> nodes.section:
        _, statement = collect(self.env)[anchor.label]
        section = nodes.section(ids=[f"derivation-{anchor.label}"], classes=["derivation"])
        section += nodes.title("", anchor.title)
        section += nodes.block_quote("", *self._statement(statement))
        section += self._parse(WORDS.facts(anchor, entry))
        link = self._link(anchor.page.removesuffix(".html"), anchor.fragment)
        section += Citation(anchor=anchor, link=link)
        return section

    def _statement(self, node: nodes.Element) -> list[nodes.Node]:
        """Copy what a theorem says; its equations keep their numbers where they stand first."""
        copies = [child.deepcopy() for child in node[1].children]
        for copy in copies:
            for part in list(copy.findall(nodes.Element)):
                part["ids"], part["names"] = [], []
                if isinstance(part, pending_xref):
                    part["refdoc"] = self.env.docname
                if isinstance(part, nodes.math_block):
                    part["label"] = part["number"] = None
        return [copy for copy in copies if not isinstance(copy, nodes.target)]


@cache
def _index_pages(env: BuildEnvironment) -> list[str]:
    return [
        page
        for page, doctree in doctrees(env).items()
        for place in doctree.findall(Place)
        if place["name"] == "derivations"
    ]


def check_entries(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which ends the build, of what is missing; only where the book has an index."""
    for page in _index_pages(env):
        # else Sphinx leaves MathJax out, as the page's own text has no maths
        env.get_domain("math").data["has_equations"][page] = True
        for complaint in results.complaints(all_entries(env)):
            _LOGGER.warning("%s", complaint, location=page)
