"""What a chapter depends on: what it used when it ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from book.run.stale import EXECUTE


@pytest.mark.parametrize(
    ("chapter", "used"),
    [
        # inside a function, which it calls
        ("first", ["meta_bandit/__init__.py", "meta_bandit/lazy.py"]),
        # imports of imports, what is compiled beside them, and of the stored results the one read
        (
            "second",
            [
                "book/results/table.csv",
                "meta_bandit/__init__.py",
                "meta_bandit/base.py",
                "meta_bandit/deep/__init__.py",
                "meta_bandit/deep/inner.py",
                "meta_bandit/deep/kernel.c",
                "meta_bandit/studies/__init__.py",
                "meta_bandit/studies/results.py",
            ],
        ),
        ("index", []),
    ],
)
def test_a_chapter_depends_on_what_it_used_and_on_nothing_outside_the_repository(
    mini_built: Path, chapter: str, used: list[str]
) -> None:
    record = mini_built / "_build" / "smoke" / "executed" / f"{chapter}.inputs.json"
    inputs = json.loads(record.read_text())["inputs"]
    assert inputs.keys() - set(map(str, EXECUTE)) == {f"book/{chapter}.md", *used}
    assert None not in inputs.values()
