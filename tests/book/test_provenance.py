"""What the pages say made them, held against the runs, the sources and the commands themselves."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from html import unescape
from io import BytesIO, TextIOWrapper
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from jupytext.cli import jupytext
from myst_nb.core.utils import coalesce_streams
from nbformat import NotebookNode
from papermill.cli import papermill

from benchmarks.faults import added, collect
from book.pages.provenance import drawing_function, papermill_command
from book.run.execute import make_reproducible
from book.run.record import Run
from meta_bandit.agents import CONFIGURATIONS
from tests.book.pages import HTML, ROOT

EXECUTED = HTML.parent / "executed"
CHAPTERS = [path.stem for path in sorted((ROOT / "book").glob("*.md"))
            if "kernelspec:" in path.read_text()]  # fmt: skip
PROGRAMS = ("jupytext", "papermill")
built = pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")


def record(chapter: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((EXECUTED / f"{chapter}.run.json").read_text())
    return found


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import numpy\nfigures.edges(curves, scaled=True)", "edges"),
        ("names = task_names(tasks)\nfigures.regrets(\n    table\n)", "regrets"),
        ("names = task_names(tasks)", None),
        ("plt.plot(x)", None),
        ("", None),
    ],
)
def test_the_function_that_draws_is_the_one_a_cell_ends_with(source: str, name: str | None) -> None:
    assert drawing_function(source) == name


def test_every_kind_of_value_has_its_way_onto_the_command_line() -> None:
    values = {"a": 1, "b": -1.5, "c": True, "d": "1", "e": "it's", "f": [1, 2.5], "g": None}
    assert papermill_command({"chapter": "x", "parameters": values}).split(" \\\n  ") == [
        "jupytext --to ipynb -o - book/x.md | papermill - x.ipynb",
        "-p a 1",
        "-p b -1.5",
        "-p c True",
        "-r d 1",
        """-r e 'it'"'"'s'""",
        """-y '{"f": [1, 2.5]}'""",
        """-y '{"g": null}'""",
    ]


@built
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_below_each_figure_stands_what_made_it(chapter: str) -> None:
    source = (ROOT / "book" / f"{chapter}.md").read_text()
    # independent of the notebook: the name in the cell's head, and the call that ends the cell
    cells = re.findall(r"^ {4}name: (fig-\S+)\n.*?\n---\n(.*?)\n```", source, re.M | re.S)
    drawn = {name: re.findall(r"^figures\.(\w+)", code, re.M)[-1] for name, code in cells}
    page = (HTML / "book" / f"{chapter}.html").read_text()
    notes = re.findall(
        r'<figure[^>]* id="(fig-[^"]+)">.*?</figure>(?:(?!<figure).)*?'
        r'<details class="[^"]* provenance">(.*?)</details>',
        page,
        re.S,
    )
    assert [name for name, _ in notes] == list(drawn)
    run = record(chapter)
    for name, note in notes:
        said = text(note)
        assert f"meta_bandit.figures.{drawn[name]}" in said
        assert f"_sources/book/{chapter}.ipynb" in note
        for part in (run["profile"], run["device"], str(run["code"])[:12], run["seeds"][0]):  # type: ignore[index]
            assert str(part) in said
        for count, value in run["budget"].items():  # type: ignore[attr-defined]
            assert f"{count} {value:,}" in said


@built
def test_the_budget_is_what_ran_not_what_was_asked_for() -> None:
    run, profile = record("a-first-agent"), str(record("a-first-agent")["profile"])
    config = CONFIGURATIONS["smoke" if profile == "smoke" else "plain"]
    budget = run["budget"]
    assert isinstance(budget, dict)
    assert budget["training updates"] == (config.updates if profile == "smoke" else 600)
    assert budget["lives an update"] == config.lives
    assert budget["lives"] == (500 if profile == "smoke" else 10_000)
    assert run["seeds"] == [0, 1, 2]


@built
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_notebook_carries_its_record_but_not_its_times(chapter: str) -> None:
    notebook = nbformat.read(EXECUTED / f"{chapter}.ipynb", as_version=4)
    run = Run(**record(chapter))  # type: ignore[arg-type]
    assert notebook.metadata["run"] == json.loads(json.dumps(run.repeatable()))
    assert set(run.repeatable()) & {"seconds", "memory", "commit", "finished"} == set()
    assert not any("_tell" in cell.source for cell in notebook.cells)
    # a kernel with NumPy and Matplotlib takes more than 50 MiB, and no chapter 16 GiB
    assert 50 < run.memory < 2**14


@built
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_stored_data_that_a_chapter_shows_are_named_with_their_digest(chapter: str) -> None:
    text = (ROOT / "book" / f"{chapter}.md").read_text()
    code = "".join(re.findall(r"^```\{code-cell\}.*?^```", text, re.M | re.S))
    stored = [*(ROOT / "book" / "results").rglob("*"), *(ROOT / "benchmarks/results").rglob("*")]
    # of a study in parts, NAME-0.nc and so on, all are read by "NAME"
    used = {
        str(path.relative_to(ROOT)): path
        for path in stored
        if path.name in code
        or (re.search(r"-\d+$", path.stem) and f'"{path.stem.rpartition("-")[0]}"' in code)
    }
    data = record(chapter)["data"]
    assert isinstance(data, dict)
    assert used.keys() <= data.keys()
    # some names are made while a chapter runs
    assert len(data) >= {"lifetimes": 4, "trained-again": 4}.get(chapter, 0)
    digests = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in data}
    assert data == digests


@built
def test_the_status_page_has_every_run() -> None:
    rows = re.findall(r"<tr.*?</tr>", (HTML / "book" / "status.html").read_text(), re.S)
    said = [text(row).split() for row in rows]
    for chapter in CHAPTERS:
        run = record(chapter)
        (row,) = (row for row in said if row[0] == chapter)
        assert row[1] == run["profile"]
        assert [f"{run['seconds']:.1f}", "s"] == row[2:4]
        assert [f"{run['memory']:.0f}", "MiB"] == row[4:6]


def shown_line(chapter: str) -> str:
    page = (HTML / "book" / f"{chapter}.html").read_text()
    section = page[page.index('<section id="run-it-yourself">') :]
    return text(section[section.index("<pre>") : section.index("</pre>")])


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As in a clone, but what is written lands elsewhere."""
    (tmp_path / "book").symlink_to(ROOT / "book")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cells_and_values(notebook: NotebookNode) -> tuple[list[NotebookNode], dict[str, object]]:
    """Cells but the one that papermill adds, and what they and that one set the parameters to."""
    own, values = list[NotebookNode](), dict[str, object]()
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & {"parameters", "injected-parameters"}:
            exec(cell.source, {}, values)
        if "injected-parameters" not in tags:
            own.append(cell)
    return own, values


@built
# by papermill, of the "-" of the line
@pytest.mark.filterwarnings("ignore:the file is not specified with any extension")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_line_on_the_page_makes_the_page_s_notebook(chapter: str, clone: Path) -> None:
    """All but its outputs: nbval runs the page's notebook, and compares those."""
    # a shell takes the line apart, and both programs run here, where they are loaded
    noted = [f"{name}() {{ printf '%s\\0' \"$@\" > told-{name}; }}" for name in PROGRAMS]
    subprocess.run(["bash", "-c", "\n".join([*noted, shown_line(chapter)])], check=True)
    read, write = (Path(f"told-{name}").read_text().split("\0")[:-1] for name in PROGRAMS)
    with redirect_stdout(TextIOWrapper(BytesIO())) as piped:
        assert jupytext(read) == 0
    done = CliRunner().invoke(papermill, [*write, "--prepare-only"], input=piped.buffer.getvalue())
    assert done.exit_code == 0, done.output
    made, kept = (
        cells_and_values(nbformat.read(folder / f"{chapter}.ipynb", as_version=4))
        for folder in (clone, EXECUTED)
    )
    assert [(c.cell_type, c.source) for c in made[0]] == [(c.cell_type, c.source) for c in kept[0]]
    assert repr(made[1]) == repr(kept[1])
    assert len(kept[1]) > 0


@pytest.mark.slow
@built
@pytest.mark.skipif(HTML.parent.name != "smoke", reason="only smoke runs are quick")
def test_run_in_a_shell_the_line_gives_every_output_to_the_byte(clone: Path) -> None:
    chapter = "the-bandit"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-o", "pipefail", "-c", shown_line(chapter)],
        env=os.environ | {"PATH": path},
        check=True,
        capture_output=True,
    )
    made = nbformat.read(clone / f"{chapter}.ipynb", as_version=4)
    make_reproducible(made)
    for cell in made.cells:
        if cell.cell_type == "code":
            # a busy machine delivers what was printed in pieces
            cell.outputs = coalesce_streams(cell.outputs)
    kept = nbformat.read(EXECUTED / f"{chapter}.ipynb", as_version=4)
    outputs, wanted = (
        [cell.outputs for cell in cells_and_values(notebook)[0] if cell.cell_type == "code"]
        for notebook in (made, kept)
    )
    assert any("image/png" in output.get("data", {}) for cell in wanted for output in cell)
    assert outputs == wanted


def test_the_status_page_shows_the_faults_that_are_stored_whatever_they_are(
    mini_built: Path,
) -> None:
    page = (mini_built / "_build" / "smoke" / "html" / "book" / "status.html").read_text()
    rows = [text(row).split("\n") for row in re.findall(r"<tr.*?</tr>", page, re.S)]
    said = [[cell for cell in row if cell] for row in rows]
    assert ["a kiln, killed", "8,191", "8,128", "63", "61"] in said
    assert ["a full drawer", "3", "0", "3", "none"] in said
    assert "on 2001-02-03, at commit 0123456789ab, on An abacus with 7 cores" in text(page)


def test_faults_are_collected_from_a_report_and_added_by_what_was_done() -> None:
    notes = [{"what": "x", "tried": 2, "same": 1, "refused": 1, "seed": 3}] * 2
    report = "".join(
        f"<property name='{name}' value='{json.dumps(note)}'/>"
        for name, note in (("faults", notes[0]), ("other", {}), ("faults", notes[1]))
    )
    assert added(collect(f"<testsuites>{report}</testsuites>")) == [
        {"what": "x", "tried": 4, "same": 2, "refused": 2, "seed": 3}
    ]


def test_the_solution_of_an_exercise_runs_and_stands_with_it(mini_built: Path) -> None:
    page = (mini_built / "_build" / "smoke" / "html" / "book" / "first.html").read_text()
    exercise = page.index('id="ex-first-twice"')
    solution = page[page.index('class="solution', exercise) :]
    # the whole box: the words, the code, and what it printed
    said = text(solution[: solution.index("</section>")])
    assert "Exercise" in said
    assert "By the proposition:" in said
    assert "2 * slope" in said
    assert "4.0" in said
    # the exercises have the last word
    assert page.index('<section id="run-it-yourself">') < page.index('<section id="what-to-try">')


def test_what_made_a_figure_is_said_in_the_notebook_of_the_page_only(mini_built: Path) -> None:
    build = mini_built / "_build" / "smoke"
    shown = build / "html" / "_sources" / "book" / "first.ipynb"
    assert "How this figure was made" in shown.read_text()
    assert "How this figure was made" not in (build / "executed" / "first.ipynb").read_text()
