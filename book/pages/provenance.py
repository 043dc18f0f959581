"""Say on the pages what made them: below each figure, at each chapter's end, on the status page.

All of it is Markdown, read from the ``.run.json`` that `book.run.execute` writes beside each
executed chapter; `book.pages.build` puts it into the pages before Sphinx reads them.
"""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

Run = Mapping[str, Any]
"""The fields of `book.run.record.Run`."""

_SHOWN = 12
"""Hexadecimal digits of a digest that are shown; the notebook's metadata hold all 64."""

_EXERCISES = "## What to try\n"
"""The exercises have the last word in a chapter."""


def read_run(notebook: Path) -> Run:
    """Read the record of the run behind an executed chapter."""
    run: Run = json.loads(notebook.with_suffix(".run.json").read_text(encoding="utf-8"))
    return run


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
    cells, rest = [], rerun_section(run)
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and rest and _EXERCISES in cell.source:
            cell.source = cell.source.replace(_EXERCISES, f"{rest}\n\n{_EXERCISES}")
            rest = ""
        cells.append(cell)
        if cell.cell_type == "code" and "figure" in cell.metadata.get("mystnb", {}):
            note = figure_note(run, drawing_function(cell.source))
            cells.append(new_markdown_cell(note, id=f"{cell.id}-made"))
    if rest:
        cells.append(new_markdown_cell(rest, id="run-it-yourself"))
    notebook.cells = cells


def figure_note(run: Run, function: str | None) -> str:
    """Make the folded note below a figure, which the cell drew itself if no function did."""
    code = f"meta_bandit.figures.{function}"
    drawn = f"{{py:func}}`{code} <.{function}>`" if function else "the cell above"
    facts = {
        "Drawn by": f"{drawn}, in the {_notebook(run)}",
        "Profile": run["profile"] or "none",
        "Device": run["device"],
        "Chapter's seeds": _seeds(run),
        "Chapter's budget": _listed(run["budget"]),
        "Data": _data(run),
        "Code": _code(run),
    }
    return _dropdown("How this figure was made", facts)


def rerun_section(run: Run) -> str:
    """Make the section that says how to run a chapter again."""
    return f"""## Run it yourself

What this page shows is the {_notebook(run)}. In a clone of the repository, with its environment
active (`make venv; source .venv/bin/activate`), this makes it again; change a value to see what
changes:

```bash
{papermill_command(run)}
```

How long it took, and on what: see the [status](status.md)."""


def run_table(runs: Iterable[Run]) -> str:
    """Make a table of what every chapter's run took, and below it what each ran with."""
    runs = sorted(runs, key=lambda run: str(run["chapter"]))
    heads = ("Chapter", "Profile", "Time", "Peak memory", "Commit", "Finished (UTC)")
    rows = [
        (
            f"[{run['chapter']}]({run['chapter']}.ipynb)",
            run["profile"] or "none",
            f"{run['seconds']:.1f} s",
            f"{run['memory']:.0f} MiB",
            run["commit"] or "no repository",
            run["finished"].removesuffix("+00:00").replace("T", " "),
        )
        for run in runs
    ]
    return "\n\n".join([_table(heads, rows), *map(_details, runs)])


def _details(run: Run) -> str:
    parameters = ", ".join(f"{name} = {value!r}" for name, value in run["parameters"].items())
    facts = {
        "Device": run["device"],
        "Machine": run["machine"],
        "Versions": _listed({"Python": run["python"], **run["versions"]}),
        "Seeds": _seeds(run),
        "Budget": _listed(run["budget"]),
        "Data": _data(run),
        "Code": _code(run),
        "Parameters": f"`{parameters}`",
        "Output": f"the {_notebook(run)}",
    }
    return _dropdown(run["chapter"], facts)


def fault_table(file: Path) -> str:
    """Say what the tests that kill, cut and fill came to (``benchmarks/faults.py``)."""
    if not file.is_file():
        return "They have not been counted."
    stored = json.loads(file.read_text(encoding="utf-8"))
    heads = ("What was done", "Times", "Same numbers", "Refused in a sentence", "Seed")
    rows = [
        (row["what"], *(f"{row[name]:,}" for name in ("tried", "same", "refused")),
         str(row.get("seed", "none")))
        for row in stored["rows"]
    ]  # fmt: skip
    on = stored["machine"]
    return (
        f"{_table(heads, rows)}\n\nCounted on {on['date'][:10]}, at commit {on['commit']}, on "
        f"{on['processor']} with {on['cores']} cores, by Python {on['python']}."
    )


def _dropdown(title: str, facts: Mapping[str, str]) -> str:
    body = "\n".join(f"{name}\n: {said}\n" for name, said in facts.items())
    return f"::::{{dropdown}} {title}\n:class-container: provenance\n\n{body}::::"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [" | ".join(cells) for cells in (heads, *rows)]
    rule = "|".join("---" for _ in heads)
    return "\n".join(f"| {line} |" for line in [lines[0], rule, *lines[1:]])


def _notebook(run: Run) -> str:
    # Markdown's own link would lead to the page
    address = f"../_sources/book/{run['chapter']}.ipynb"
    return f'<a class="reference" href="{address}" download>executed notebook</a>'


def _seeds(run: Run) -> str:
    return ", ".join(map(str, run["seeds"])) or "none"


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                     for name, value in values.items()) or "none"  # fmt: skip


def _data(run: Run) -> str:
    stored = {f"`{file}`": digest[:_SHOWN] for file, digest in run["data"].items()}
    return _listed(stored) if stored else "computed in this run"


def _code(run: Run) -> str:
    return f"SHA-256 {run['code'][:_SHOWN]}… of the chapter and {run['modules']} modules"
