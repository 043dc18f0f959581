"""``{derivations}``: the index of all results (see `book.pages.results`).

Whose each result is stands in the index, below the result in its chapter, and at ``{credits}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book.pages.anchors import ROOT, Citation, collect, link_to
from book.pages.results import (
    CLAIMS,
    ORIGINS,
    SYMBOLIC,
    Entry,
    Proof,
    complaints,
    documented_functions,
    gather,
    marked_tests,
    proofs,
)

_LOGGER = logging.getLogger(__name__)


def stated_results(env: BuildEnvironment) -> dict[str, str]:
    """Kind by label of every statement in the chapters that needs a proof."""
    anchors = (anchor for anchor, _ in collect(env).values())
    return {anchor.label: anchor.kind for anchor in anchors if anchor.kind in CLAIMS}


@cache
def all_entries(env: BuildEnvironment) -> dict[str, Entry]:
    """Every label that anything names, with what names it."""
    return gather(
        stated_results(env),
        proofs(),
        documented_functions(env.get_domain("py").objects),  # type: ignore[attr-defined]
        marked_tests(ROOT / "tests"),
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
        """Replace each place by one section for each result."""
        for place in list(self.document.findall(Place)):
            index = place["name"] == "derivations"
            place.replace_self(self._index() if index else self._by_origin())
        if _index_pages(self.env):
            for node in list(self.document.findall(_is_claim)):
                if proof := all_entries(self.env)[node["label"]].proof:
                    node += nodes.paragraph(
                        "", "", nodes.Text("Credit: "), *self._credit(proof), classes=["credit"]
                    )

    def _index(self) -> list[nodes.Element]:
        found = collect(self.env)
        known = {
            label: entry
            for label, entry in all_entries(self.env).items()
            if entry.proof and label in found
        }
        overview = nodes.bullet_list()
        overview += [self._line(label, entry.proof) for label, entry in known.items()]
        return [overview, *(self._section(label, entry) for label, entry in known.items())]

    def _by_origin(self) -> nodes.bullet_list:
        lines = nodes.bullet_list()
        known = all_entries(self.env).items()
        for origin, words in ORIGINS.items():
            labels = [name for name, entry in known if entry.proof and entry.proof.origin == origin]
            links = _spaced(
                self._xref("prf", "ref", label, nodes.inline("", collect(self.env)[label][0].title))
                for label in labels
            )
            kind = nodes.strong("", words[0].upper() + words[1:])
            text = nodes.paragraph("", "", kind, nodes.Text(": "), *links, nodes.Text("."))
            lines += nodes.list_item("", text)
        return lines

    def _credit(self, proof: Proof) -> list[nodes.Node]:
        words: list[nodes.Node] = [nodes.emphasis("", ORIGINS[proof.origin])]
        if proof.sources:
            words += [nodes.Text(" "), self._xref("cite", "p", ",".join(proof.sources))]
        return [*words, nodes.Text(f". {proof.credit}".rstrip())]

    def _line(self, label: str, proof: Proof | None) -> nodes.list_item:
        title = collect(self.env)[label][0].title
        link = nodes.reference("", title, internal=True, refid=f"derivation-{label}")
        words = nodes.paragraph("", "", link, nodes.Text(": "), *self._status(proof))
        if proof:
            words += nodes.Text(f"; {ORIGINS[proof.origin]}")
        return nodes.list_item("", words)

    def _section(self, label: str, entry: Entry) -> nodes.section:
        anchor, statement = collect(self.env)[label]
        section = nodes.section(ids=[f"derivation-{label}"], classes=["derivation"])
        section += nodes.title("", anchor.title)
        section += nodes.block_quote("", *self._statement(statement))
        facts = nodes.field_list()
        chapter = nodes.Text(f", {anchor.chapter}")
        facts += _fact("Stated", [self._xref("prf", "ref", label), chapter])
        facts += _fact("Proof", self._status(entry.proof))
        symbolic = f"{SYMBOLIC}.{label.replace('-', '_')}"
        if entry.proof:
            facts += _fact("Credit", self._credit(entry.proof))
        facts += _fact("Derived by", [self._code(symbolic)])
        facts += _fact("Computed by", _spaced(self._code(name) for name in entry.functions))
        facts += _fact("Checked by", _spaced(nodes.literal("", name) for name in entry.tests))
        section += facts
        page = anchor.page.removesuffix(".html")
        link = link_to(self.app, self.env.docname, page, anchor.fragment)
        section += Citation(anchor=anchor, link=link)
        return section

    def _status(self, proof: Proof | None) -> list[nodes.Node]:
        if proof is None or proof.steps == 0:
            return [nodes.Text("conjecture")]
        steps = "1 step" if proof.steps == 1 else f"{proof.steps} steps"
        words: list[nodes.Node] = [nodes.Text(f"closed by SymPy in {steps}")]
        if proof.cites:
            words += [nodes.Text("; rests on a theorem of ")]
            words += [self._xref("cite", "p", ",".join(proof.cites))]
        return words

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

    def _code(self, name: str) -> pending_xref:
        short = name.removeprefix("meta_bandit.")
        return self._xref("py", "obj", name, nodes.literal("", short, classes=["xref", "py"]))

    def _xref(
        self, domain: str, kind: str, target: str, words: nodes.Element | None = None
    ) -> pending_xref:
        return pending_xref(
            "",
            words or nodes.inline("", target),
            refdomain=domain,
            reftype=kind,
            reftarget=target,
            refdoc=self.env.docname,
            refexplicit=words is not None,
            refwarn=True,
        )


def _fact(name: str, words: Iterable[nodes.Node]) -> nodes.field:
    body = nodes.field_body("", nodes.paragraph("", "", *words))
    return nodes.field("", nodes.field_name("", name), body)


def _spaced(items: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    for position, item in enumerate(items):
        if position:
            yield nodes.Text(", ")
        yield item


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
    """Warn, which ends the build, of what is missing; only where the book has an index.

    Parameters
    ----------
    app
        The running build.
    env
        Its environment, all pages read.
    """
    for page in _index_pages(env):
        # else Sphinx leaves MathJax out, as the page's own text has no maths
        env.get_domain("math").data["has_equations"][page] = True
        for complaint in complaints(all_entries(env)):
            _LOGGER.warning("%s", complaint, location=page)


def link_to_index(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Lead from the citations of each result in a chapter to its entry in the index."""
    indexes = _index_pages(app.env)
    if indexes and page not in indexes:
        for line in doctree.findall(Citation):
            anchor = line["anchor"]
            if anchor.kind in CLAIMS:
                line["entry"] = link_to(app, page, indexes[0], f"derivation-{anchor.label}")
