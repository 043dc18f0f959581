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
    done = make(mini, "chapter", "CHAPTER=first", "PARAMS=slope=3 levels=[1,2]")
    assert done.returncode == 0, done.stderr
    text = (mini / "_build" / "chapter" / "first.ipynb").read_text()
    assert "slope = 3.0" in text
    assert "levels = [1, 2]" in text


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


def test_help_is_the_default_and_lists_every_target(mini: Path, make: Make) -> None:
    done = make(mini)
    declared = re.findall(r"^\.PHONY: (.+)$", (mini / "Makefile").read_text(), re.MULTILINE)
    assert done.returncode == 0
    for target in " ".join(declared).split():
        assert re.search(rf"^  {target} ", done.stdout, re.MULTILINE), target
