"""What a chapter depends on."""

from __future__ import annotations

from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook

from book.run.chapter import read_chapter
from book.run.record import imported_modules, named_data


def test_an_import_inside_a_function_counts(mini_source: Path) -> None:
    found = imported_modules(read_chapter(mini_source / "book" / "first.md"), mini_source)
    assert found == [Path("meta_bandit/__init__.py"), Path("meta_bandit/lazy.py")]


def test_imports_of_imports_count_and_nothing_outside_the_repository(mini_source: Path) -> None:
    found = imported_modules(read_chapter(mini_source / "book" / "second.md"), mini_source)
    assert list(map(str, found)) == [
        "meta_bandit/__init__.py",
        "meta_bandit/base.py",
        "meta_bandit/deep/__init__.py",
        "meta_bandit/deep/inner.py",
    ]


def test_magics_are_not_taken_for_python(mini_source: Path, tmp_path: Path) -> None:
    chapter = tmp_path / "magic.md"
    text = (mini_source / "book" / "second.md").read_text()
    chapter.write_text(text.replace("inner.VALUE + seed", "%timeit -n1 inner.VALUE"))
    assert Path("meta_bandit/base.py") in imported_modules(read_chapter(chapter), mini_source)


def test_only_the_data_that_a_chapter_names_counts(mini_source: Path) -> None:
    chapters = mini_source / "book"
    assert named_data(read_chapter(chapters / "first.md"), mini_source) == []
    assert named_data(read_chapter(chapters / "second.md"), mini_source) == [
        Path("book/results/table.csv")
    ]


def test_a_study_in_parts_is_named_as_a_whole(tmp_path: Path) -> None:
    results = tmp_path / "book" / "results"
    results.mkdir(parents=True)
    for name in ("row-0.nc", "row-1.nc", "row.nc", "rows-0.nc"):
        (results / name).touch()
    chapter = new_notebook(cells=[new_code_cell('parts = stored_parts("row")')])
    found = [path.name for path in named_data(chapter, tmp_path)]
    assert found == ["row-0.nc", "row-1.nc"]
