"""Say on the pages what made them: below each figure, at each chapter's end, on the status page.

All of it is read from the ``.run.json`` that :mod:`book.run.execute` writes beside each executed
chapter, and from the executed chapter itself; nothing is written by hand.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

Run = Mapping[str, Any]

FAULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "faults.json"

_SHOWN = 12
"""Hexadecimal digits of a digest that are shown; the notebook's metadata hold all 64."""


class folded(nodes.General, nodes.Element):  # noqa: N801
    """A block that is closed until the reader opens it; docutils names nodes in small letters."""


class notebook_link(nodes.Inline, nodes.TextElement):  # noqa: N801
    """A link to the executed notebook of the chapter in the attribute ``docname``."""


def _open_folded(self: HTML5Translator, node: folded) -> None:
    self.body.append(f'<details class="provenance"><summary>{node["summary"]}</summary>\n')


def _close_folded(self: HTML5Translator, node: folded) -> None:
    self.body.append("</details>\n")


def _open_link(self: HTML5Translator, node: notebook_link) -> None:
    here = self.builder.get_target_uri(self.builder.current_docname)
    target = relative_uri(here, f"_sources/{node['docname']}.ipynb")
    # the single page that becomes the PDF has no notebooks beside it
    single = self.builder.name == "singlehtml"
    self.body.append("<span>" if single else f'<a class="reference" href="{target}" download>')


def _close_link(self: HTML5Translator, node: notebook_link) -> None:
    self.body.append("</span>" if self.builder.name == "singlehtml" else "</a>")


def read_run(env: BuildEnvironment, docname: str) -> Run | None:
    """Read the record of the run behind a page.

    Parameters
    ----------
    env
        Of the build.
    docname
        The page's name, without a suffix.

    Returns
    -------
    dict or None
        The fields of :class:`book.run.record.Run`; None for a page that is not executed.
    """
    path = Path(env.doc2path(docname)).with_suffix(".run.json")
    if not path.is_file():
        return None
    env.note_dependency(str(path))
    run: Run = json.loads(path.read_text(encoding="utf-8"))
    return run


def drawing_function(source: str) -> str | None:
    """Find which function of ``meta_bandit.figures`` a cell ends with.

    Parameters
    ----------
    source
        The cell's code.

    Returns
    -------
    str or None
        The function's name.
    """
    body = ast.parse(source).body
    match body[-1] if body else None:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("figures"), name))):
            return name
    return None


def papermill_command(run: Run) -> str:
    """Write the line that repeats a run with nothing but jupytext and papermill.

    Parameters
    ----------
    run
        Its record.

    Returns
    -------
    str
        One command for a shell in the repository's top folder, every parameter said.
    """
    chapter = run["chapter"]
    options = [_option(name, value) for name, value in run["parameters"].items()]
    head = f"jupytext --to ipynb -o - book/{chapter}.md | papermill - {chapter}.ipynb"
    return " \\\n  ".join([head, *options])


def _option(name: str, value: object) -> str:
    if isinstance(value, str):
        # -p would take the text "1" for a number
        return f"-r {name} {shlex.quote(value)}"
    if isinstance(value, int | float):
        return f"-p {name} {value}"
    return f"-y {shlex.quote(json.dumps({name: value}))}"


def _inline(*parts: str | nodes.Node) -> nodes.paragraph:
    return nodes.paragraph(
        "", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts)
    )


def _fields(rows: Mapping[str, nodes.paragraph]) -> nodes.field_list:
    fields = (
        nodes.field("", nodes.field_name("", name), nodes.field_body("", body))
        for name, body in rows.items()
    )
    return nodes.field_list("", *fields, classes=["provenance"])


def _page_link(docname: str, words: str) -> addnodes.pending_xref:
    return addnodes.pending_xref(
        "",
        nodes.inline("", words),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{docname}",
        refexplicit=True,
        refwarn=True,
    )


def _function_link(name: str) -> addnodes.pending_xref:
    code = f"meta_bandit.figures.{name}"
    return addnodes.pending_xref(
        "",
        nodes.literal("", code),
        refdomain="py",
        reftype="func",
        reftarget=f".{name}",
        refspecific=True,
        drawn_by=code,
    )


def _without_link(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement
) -> nodes.TextElement | None:
    """Leave a function's bare name where the book has no page for it."""
    return content if "drawn_by" in node else None


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                     for name, value in values.items()) or "none"  # fmt: skip


def _data(run: Run) -> str:
    stored = {file: digest[:_SHOWN] for file, digest in run["data"].items()}
    return _listed(stored) if stored else "computed in this run"


def _code(run: Run) -> str:
    return f"SHA-256 {run['code'][:_SHOWN]}… of the chapter and {run['modules']} modules"


def figure_note(run: Run, docname: str, function: str | None) -> folded:
    """Make the folded note that stands below a figure.

    Parameters
    ----------
    run
        Record of the chapter's run.
    docname
        The chapter's page.
    function
        What drew the figure, of ``meta_bandit.figures``; None if the cell itself did.

    Returns
    -------
    folded
        To be put after the figure.
    """
    notebook = notebook_link("", "executed notebook", docname=docname)
    drawn = _function_link(function) if function else "the cell above"
    rows = {
        "Drawn by": _inline(drawn, ", in the ", notebook),
        "Profile": _inline(run["profile"] or "none"),
        "Device": _inline(run["device"]),
        "Chapter's seeds": _inline(", ".join(map(str, run["seeds"])) or "none"),
        "Chapter's budget": _inline(_listed(run["budget"])),
        "Data": _inline(_data(run)),
        "Code": _inline(_code(run)),
    }
    return folded("", _fields(rows), summary="How this figure was made")


def rerun_section(run: Run, docname: str) -> nodes.section:
    """Make the section that says how to run a chapter again.

    Parameters
    ----------
    run
        Record of the chapter's run.
    docname
        The chapter's page.

    Returns
    -------
    section
        With a line for the shell, and links to the notebook and to the status page.
    """
    line = papermill_command(run)
    command = nodes.literal_block(line, line, language="bash")
    return nodes.section(
        "",
        nodes.title("", "Run it yourself"),
        _inline(
            "What this page shows is the ",
            notebook_link("", "executed notebook", docname=docname),
            ". In a clone of the repository, with its environment active (",
            nodes.literal("", "make venv; source .venv/bin/activate"),
            "), this makes it again; change a value to see what changes:",
        ),
        command,
        _inline(
            "How long it took, and on what: see the ", _page_link("book/status", "status"), "."
        ),
        ids=["run-it-yourself"],
        names=["run it yourself"],
    )


class AddProvenance(SphinxTransform):
    """Put the notes and the section into a chapter as it is read, so that its outline has them."""

    # before 880, at which Sphinx reads the outline
    default_priority = 870

    def apply(self, **kwargs: object) -> None:
        """Change the document in place."""
        run = read_run(self.env, self.env.docname)
        if run is None:
            return
        notebook = nbformat.read(self.env.doc2path(self.env.docname), as_version=4)
        for figure, cell in list(_figures(self.document)):
            function = drawing_function(notebook.cells[cell].source)
            note = figure_note(run, self.env.docname, function)
            figure.parent.insert(figure.parent.index(figure) + 1, note)
        (chapter,) = (node for node in self.document.children if isinstance(node, nodes.section))
        section = rerun_section(run, self.env.docname)
        self.document.note_implicit_target(section)
        # the exercises have the last word; below the first page hang the others
        ends = [i for i, node in enumerate(chapter.children) if _comes_last(node)]
        chapter.insert(ends[0] if ends else len(chapter), section)


def _comes_last(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.Element):
        return False
    return "what-to-try" in node["ids"] or "toctree-wrapper" in node["classes"]


def _figures(document: nodes.document) -> Iterator[tuple[nodes.figure, int]]:
    for cell in document.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            for figure in cell.findall(nodes.figure):
                yield figure, cell["cell_index"]


class ChapterRuns(SphinxDirective):
    """``{chapter-runs}``: what every chapter's run took, and what it ran with."""

    def run(self) -> list[nodes.Node]:
        """Make a table of all runs, and below it what each ran with.

        Returns
        -------
        list of Node
            None where no chapter was executed.
        """
        runs = {
            docname: run
            for docname in sorted(self.env.found_docs)
            if (run := read_run(self.env, docname))
        }
        heads = ("Chapter", "Profile", "Time", "Peak memory", "Commit", "Finished (UTC)")
        rows = [
            [
                _page_link(docname, run["chapter"]),
                run["profile"] or "none",
                f"{run['seconds']:.1f} s",
                f"{run['memory']:.0f} MiB",
                run["commit"] or "no repository",
                run["finished"].removesuffix("+00:00").replace("T", " "),
            ]
            for docname, run in runs.items()
        ]
        details = [node for docname, run in runs.items() for node in self._details(docname, run)]
        return [_table(heads, rows), *details]

    def _details(self, docname: str, run: Run) -> list[nodes.Node]:
        rows = {
            "Device": _inline(run["device"]),
            "Machine": _inline(run["machine"]),
            "Versions": _inline(_listed({"Python": run["python"], **run["versions"]})),
            "Seeds": _inline(", ".join(map(str, run["seeds"])) or "none"),
            "Budget": _inline(_listed(run["budget"])),
            "Data": _inline(_data(run)),
            "Code": _inline(_code(run)),
            "Parameters": _inline(
                nodes.literal("", ", ".join(f"{k} = {v!r}" for k, v in run["parameters"].items()))
            ),
            "Output": _inline(notebook_link("", "executed notebook", docname=docname)),
        }
        return [nodes.rubric("", run["chapter"]), _fields(rows)]


class Faults(SphinxDirective):
    """``{faults}``: what the tests that kill, cut and fill came to (``benchmarks/faults.py``)."""

    def run(self) -> list[nodes.Node]:
        """Make a table of the faults, and below it when and where they were counted.

        Returns
        -------
        list of Node
            A sentence where they never were.
        """
        if not FAULTS.is_file():
            return [_inline("They have not been counted.")]
        self.env.note_dependency(str(FAULTS))
        stored = json.loads(FAULTS.read_text(encoding="utf-8"))
        heads = ("What was done", "Times", "Same numbers", "Refused in a sentence", "Seed")
        counts = ("tried", "same", "refused")
        rows: list[list[str | nodes.Node]] = [
            [row["what"], *(f"{row[name]:,}" for name in counts), str(row.get("seed", "none"))]
            for row in stored["rows"]
        ]
        on = stored["machine"]
        said = (
            f"Counted on {on['date'][:10]}, at commit {on['commit']}, on {on['processor']} with "
            f"{on['cores']} cores, by Python {on['python']}."
        )
        return [_table(heads, rows), _inline(said)]


def _table(heads: tuple[str, ...], rows: list[list[str | nodes.Node]]) -> nodes.table:
    def row(cells: list[str | nodes.Node]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", _inline(cell)) for cell in cells))

    columns = [nodes.colspec(colwidth=1) for _ in heads]
    head, body = nodes.thead("", row(list(heads))), nodes.tbody("", *map(row, rows))
    group = nodes.tgroup("", *columns, head, body, cols=len(heads))
    return nodes.table("", group, classes=["runs"])


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
    app.add_node(folded, html=(_open_folded, _close_folded))
    app.add_node(notebook_link, html=(_open_link, _close_link))
    app.add_transform(AddProvenance)
    app.add_directive("chapter-runs", ChapterRuns)
    app.add_directive("faults", Faults)
    app.connect("missing-reference", _without_link)
    app.add_css_file("provenance.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
