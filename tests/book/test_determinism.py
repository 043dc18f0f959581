"""The same commit gives the same book: every page of the website, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from book.pages import build
from book.pages.downloads import FOLDER, NAME
from book.run.execute import execute_chapter
from tests.book.pages import HTML, ROOT

AGAIN = "a-first-agent"
"""Runs again here, to the byte; nbval runs all chapters, and compares all but their figures."""

Tree = Callable[[Path], dict[str, bytes]]


@pytest.mark.slow
@pytest.mark.skipif(
    HTML != ROOT / "_build/smoke/html" or not HTML.is_dir(),
    reason="only the smoke book is quick enough to be made twice: run make test",
)
def test_every_chapter_and_page_comes_out_the_same_twice(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = HTML.parent / "executed", tmp_path / "executed"
    shutil.copytree(first, second)
    executed, record = second / f"{AGAIN}.ipynb", second / f"{AGAIN}.run.json"
    run = execute_chapter(ROOT / "book" / f"{AGAIN}.md", executed, profile="smoke")
    assert executed.read_bytes() == (first / executed.name).read_bytes()
    # no two runs take equally long: their times are an input of the pages
    kept = json.loads((first / record.name).read_text())
    assert run.repeatable() == {name: kept[name] for name in run.repeatable()}
    shutil.copy(first / record.name, record)

    def printed(_root: Path, _folder: Path, _output: Path, pdf: Path, browser: str | None) -> None:
        if browser:
            shutil.copy(HTML / FOLDER / pdf.name, pdf)

    if not (HTML / FOLDER / f"{NAME}.pdf").is_file():
        monkeypatch.setenv("CHROMIUM", "")
    # how Chromium packs a page is not ours: twice it packed one otherwise on a busy machine
    monkeypatch.setattr(build, "_print_book", printed)
    build.build_html(ROOT, sorted(second.glob("*.ipynb")), tmp_path)
    before, after = tree(HTML), tree(tmp_path / "html")
    assert sorted(before) == sorted(after)
    assert [name for name in before if before[name] != after[name]] == []
