"""What Make runs again, what it leaves alone, and what a failure leaves behind."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Make = Callable[..., "CompletedProcess[str]"]
Tree = Callable[[Path], dict[str, bytes]]
ALL = {"index", "first", "second"}


def touch(path: Path) -> None:
    """As if edited a moment from now: coarse clocks cannot hide it."""
    later = time.time() + 5
    os.utime(path, (later, later))


def would_run(done: CompletedProcess[str]) -> set[str]:
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"(\w+): running, because", done.stdout))


def test_nothing_changed_nothing_runs(mini: Path, make: Make) -> None:
    start = time.perf_counter()
    done = make(mini, "book")
    assert time.perf_counter() - start < 5
    assert done.stdout == f"book: {mini}/_build/smoke/html/index.html\n"


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ("book/second.md", {"second"}),
        ("meta_bandit/lazy.py", {"first"}),
        ("meta_bandit/base.py", {"second"}),
        ("meta_bandit/__init__.py", {"first", "second"}),
        ("book/results/table.csv", {"second"}),
        ("book/results/unused.csv", set()),
        ("requirements.lock", ALL),
        ("book/tools/execute.py", ALL),
        ("book/tools/sphinx_ext.py", set()),
        ("book/references.bib", set()),
        ("book/anchors.txt", set()),
        ("CITATION.cff", set()),
        # no chapter uses it, but the reference may show it
        ("meta_bandit/unused.py", set()),
        ("book/tools/derivations.py", set()),
        ("_config.yml", set()),
    ],
)
def test_exactly_what_depends_on_a_change_runs(
    mini: Path, make: Make, changed: str, runs: set[str]
) -> None:
    touch(mini / changed)
    done = make(mini, "-n", "book")
    assert would_run(done) == runs
    pages = "pages: building, because" in done.stdout
    assert pages == (not changed.endswith("unused.csv"))


def test_a_deleted_module_reruns_what_used_it(mini: Path, make: Make) -> None:
    (mini / "meta_bandit" / "base.py").unlink()
    assert would_run(make(mini, "-n", "book")) == {"second"}


def test_a_run_says_why_and_how_long(mini: Path, make: Make) -> None:
    touch(mini / "book" / "second.md")
    done = make(mini, "executed")
    assert "second: running, because changed: book/second.md\n" in done.stdout
    assert re.search(r"second: executed in \d+\.\d s\n", done.stdout)


def test_a_failing_chapter_leaves_the_book_before_it(mini: Path, make: Make, tree: Tree) -> None:
    before = tree(mini / "_build")
    chapter = mini / "book" / "second.md"
    chapter.write_text(chapter.read_text().replace("inner.VALUE + seed", "1 / seed"))
    touch(chapter)
    done = make(mini, "book")
    assert done.returncode != 0
    assert "book/second.md:24: cell 3, In [2], raised ZeroDivisionError" in done.stderr
    assert tree(mini / "_build") == before


def test_a_broken_page_leaves_the_book_before_it(mini: Path, make: Make, tree: Tree) -> None:
    before = tree(mini / "_build" / "smoke" / "html")
    chapter = mini / "book" / "second.md"
    chapter.write_text(chapter.read_text().replace("$x^2$", "{eq}`eq-nowhere`"))
    touch(chapter)
    done = make(mini, "book")
    assert done.returncode != 0
    assert re.search(r"^book/second\.ipynb: cell 1, .*eq-nowhere", done.stderr, re.MULTILINE)
    assert tree(mini / "_build" / "smoke" / "html") == before
    assert sorted(path.name for path in (mini / "_build" / "smoke").iterdir()) == [
        "executed",
        "html",
        "jupyter-book.log",
        "src",
    ]


def test_a_chapter_can_be_run_with_other_values(mini: Path, make: Make) -> None:
    values = "slope = -1e0 levels=[1, 2.5] label=it's $x `y`"
    done = make(mini, "chapter", "CHAPTER=first", f"PARAMS={values}")
    assert done.returncode == 0, done.stderr
    made = mini / "_build" / "chapter" / "first.ipynb"
    assert done.stdout.endswith(f"notebook: {made}\n")
    text = made.read_text()
    for said in ("slope = -1.0", "levels = [1.0, 2.5]", 'label = \\"it\'s $x `y`\\"'):
        assert said in text, said
    before = made.read_bytes()
    again = make(mini, "chapter", "CHAPTER=first", "PARAMS=slope=2.5")
    assert again.returncode != 0
    assert "_build/chapter/first.ipynb: is there, and stays: OUT=another.ipynb" in again.stderr
    assert made.read_bytes() == before
    done = make(mini, "chapter", "CHAPTER=first", "PARAMS=slope=2.5", "OUT=my own/run.ipynb")
    assert done.stdout.endswith(f"notebook: {mini}/my own/run.ipynb\n"), done.stderr
    assert "slope = 2.5" in (mini / "my own" / "run.ipynb").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("PARAMS=profile=fast",), "'profile': 'fast' must be one of smoke, quick, paper"),
        (("PARAMS=slope",), "'slope' must be NAME=VALUE"),
        (("PROFILE=fast",), "PROFILE=fast: must be smoke, quick or paper"),
        (("PROFILE=../quick",), "PROFILE=../quick: must be smoke, quick or paper"),
        (("PROFILE=smoke quick",), "PROFILE=smoke quick: must be smoke, quick or paper"),
    ],
)
def test_a_word_that_is_not_known_is_refused_before_anything_runs(
    mini: Path, make: Make, given: tuple[str, ...], message: str
) -> None:
    done = make(mini, "chapter", "CHAPTER=first", *given)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (mini / "_build" / "chapter").exists()


def test_a_chapter_has_to_be_named(mini: Path, make: Make) -> None:
    done = make(mini, "chapter")
    assert done.returncode != 0
    assert "make chapter CHAPTER=NAME, one of: first index second" in done.stderr


def test_notebooks_for_jupyter_are_not_executed(mini: Path, make: Make) -> None:
    before = (mini / "book" / "first.md").read_bytes()
    assert make(mini, "notebooks").returncode == 0
    assert {path.stem for path in (mini / "notebooks").iterdir()} == ALL
    assert '"output_type"' not in (mini / "notebooks" / "first.ipynb").read_text()
    assert (mini / "book" / "first.md").read_bytes() == before


def test_a_notebook_that_a_reader_changed_stays(mini: Path, make: Make) -> None:
    assert make(mini, "notebooks").returncode == 0
    mine, other = mini / "notebooks" / "first.ipynb", mini / "notebooks" / "second.ipynb"
    mine.write_text(mine.read_text().replace("The first chapter", "My own words"))
    own = mini / "notebooks" / "own.ipynb"
    own.write_text("{}")
    for name in ("first", "second"):
        chapter = mini / "book" / f"{name}.md"
        chapter.write_text(chapter.read_text() + "\nOne more line.\n")
        touch(chapter)
    done = make(mini, "notebooks")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("and stays; FORCE=1") == 1
    assert "notebooks/first.ipynb: was changed or run since" in done.stderr
    assert "My own words" in mine.read_text()
    assert "One more line." in other.read_text()
    done = make(mini, "clean")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (mini / "notebooks").iterdir()} == {"first.ipynb", "own.ipynb"}
    assert "My own words" in mine.read_text()
    assert not (mini / "_build").exists()
    assert make(mini, "notebooks").returncode == 0
    assert "My own words" in mine.read_text()
    assert make(mini, "notebooks", "FORCE=1").returncode == 0
    assert "One more line." in mine.read_text()
    own.unlink()
    assert make(mini, "clean").stderr == ""
    assert not (mini / "notebooks").exists()


def test_a_run_that_a_reader_changed_stays(mini: Path, make: Make) -> None:
    runs = mini / "_build" / "chapter"
    runs.mkdir()
    (runs / "mine.ipynb").write_text("a reader's")
    assert make(mini, "chapter", "CHAPTER=second").returncode == 0
    assert make(mini, "clean").returncode == 0
    assert [path.name for path in (mini / "_build").rglob("*")] == ["chapter", "mine.ipynb"]
    assert make(mini, "clean", "FORCE=1").stderr == ""
    assert not (mini / "_build").exists()


def test_help_is_the_default_and_lists_every_target(mini: Path, make: Make) -> None:
    done = make(mini)
    declared = re.findall(r"^\.PHONY: (.+)$", (mini / "Makefile").read_text(), re.MULTILINE)
    assert done.returncode == 0
    for target in " ".join(declared).split():
        assert re.search(rf"^  {target} ", done.stdout, re.MULTILINE), target
