"""``{derivations}``: the index of all results (see `book.pages.results`).

Whose each result is stands in the index, below the result in its chapter, and at ``{credits}``.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from book.pages.anchors import ROOT, Citation, collect, link_to
from book.pages.cite import Anchor
from book.pages.provenance import words
from book.pages.results import CLAIMS, ORIGINS, SYMBOLIC, Entry

WORDS = words("derivations.md.jinja")
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


class FillIndex(SphinxPostTransform):
    """Write the index where its place is, before Sphinx resolves references."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        """Replace each place, and say below each result in its chapter whose it is."""
        found = collect(self.env)
        known = {
            found[label][0]: entry
            for label, entry in all_entries(self.env).items()
            if entry.proof and label in found
        } if _index_pages(self.env) else {}  # fmt: skip
        for place in list(self.document.findall(Place)):
            index = place["name"] == "derivations"
            place.replace_self(self._index(known) if index else self._by_origin(known))
        for anchor, entry in known.items():
            for node in list(self.document.findall(_is_claim)):
                if node["label"] == anchor.label:
                    (said,) = self._parse("Credit: " + WORDS.credit(entry.proof, _whose(entry)))
                    said["classes"].append("credit")
                    node += said

    def _parse(self, text: str) -> list[nodes.Element]:
        document = new_document(self.document["source"], self.document.settings)
        with sphinx_domains(self.env):
            MystParser().parse(text, document)
        return list(document.children)

    def _index(self, known: Mapping[Anchor, Entry]) -> list[nodes.Element]:
        lines = [WORDS.line(anchor, it.proof, _whose(it)) for anchor, it in known.items()]
        sections = [self._section(anchor, entry) for anchor, entry in known.items()]
        return [*self._parse("\n".join(lines)), *sections]

    def _by_origin(self, known: Mapping[Anchor, Entry]) -> list[nodes.Element]:
        lines = [
            WORDS.origin(whose, [anchor for anchor, it in known.items() if _whose(it) == whose])
            for whose in ORIGINS.values()
        ]
        return self._parse("\n".join(lines))

    def _section(self, anchor: Anchor, entry: Entry) -> nodes.section:
        _, statement = collect(self.env)[anchor.label]
        section = nodes.section(ids=[f"derivation-{anchor.label}"], classes=["derivation"])
        section += nodes.title("", anchor.title)
        section += nodes.block_quote("", *self._statement(statement))
        section += self._parse(WORDS.facts(anchor, entry, _whose(entry), SYMBOLIC))
        page = anchor.page.removesuffix(".html")
        link = link_to(self.app, self.env.docname, page, anchor.fragment)
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


def _whose(entry: Entry) -> str:
    assert entry.proof
    return ORIGINS[entry.proof.origin]


def _is_claim(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Element) and node.get("realtype") in CLAIMS


@cache
def _index_pages(env: BuildEnvironment) -> list[str]:
    return [
        page
        for page in sorted(env.found_docs)
        for place in env.get_doctree(page).findall(Place)
        if place["name"] == "derivations"
    ]


def check_entries(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which ends the build, of what is missing; only where the book has an index."""
    for page in _index_pages(env):
        # else Sphinx leaves MathJax out, as the page's own text has no maths
        env.get_domain("math").data["has_equations"][page] = True
        for complaint in results.complaints(all_entries(env)):
            _LOGGER.warning("%s", complaint, location=page)


def link_to_index(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Lead from the citations of each result in a chapter to its entry in the index."""
    indexes = _index_pages(app.env)
    if indexes and page not in indexes:
        for line in doctree.findall(Citation):
            anchor = line["anchor"]
            if anchor.kind in CLAIMS:
                line["entry"] = link_to(app, page, indexes[0], f"derivation-{anchor.label}")
