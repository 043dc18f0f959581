"""Say on the pages what made them: below each figure, at each chapter's end, on the status page.

All of it is read from the ``.run.json`` that `book.run.execute` writes beside each executed
chapter, said in the words of ``provenance.md.jinja``, and put into the pages before Sphinx reads
them.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

Run = Mapping[str, Any]
"""The fields of `book.run.record.Run`."""


def words(template: str, **known: object) -> Any:
    """Macros of a Jinja template in this folder, which may use what is known, to give Markdown."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent))
    environment.filters["amount"] = lambda x: f"{x:,}" if isinstance(x, int) else x
    environment.filters["repr"] = repr
    return environment.get_template(template, globals=known).module


WORDS = words("provenance.md.jinja")

_EXERCISES = "## What to try\n"
"""The exercises have the last word in a chapter."""


def drawing_function(source: str) -> str | None:
    """Find which function of ``meta_bandit.figures`` a cell's code ends with."""
    body = ast.parse(source).body
    match body[-1] if body else None:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("figures"), name))):
            return name
    return None


def papermill_command(run: Run) -> str:
    """Write the line that repeats a run with nothing but jupytext and papermill.

    It is for a shell in the repository's top folder, and says every parameter.
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


def add_provenance(notebook: NotebookNode, run: Run) -> None:
    """Put into an executed chapter a note below each figure, and how to run it again.

    Parameters
    ----------
    notebook
        Changed in place.
    run
        Its record.
    """
    cells, rest = [], WORDS.rerun(run, papermill_command(run))
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and rest and _EXERCISES in cell.source:
            cell.source = cell.source.replace(_EXERCISES, f"{rest}\n\n{_EXERCISES}")
            rest = ""
        cells.append(cell)
        if cell.cell_type == "code" and "figure" in cell.metadata.get("mystnb", {}):
            note = WORDS.figure(run, drawing_function(cell.source))
            cells.append(new_markdown_cell(note, id=f"{cell.id}-made"))
    if rest:
        cells.append(new_markdown_cell(rest, id="run-it-yourself"))
    notebook.cells = cells
