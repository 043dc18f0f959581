"""Nothing half written, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from book.pages.build import replace_directory


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    for folder in (new, old):
        folder.mkdir()
        (folder / folder.name).touch()
    replace_directory(new, old)
    assert [path.name for path in old.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [old]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    with pytest.raises(FileNotFoundError):
        replace_directory(tmp_path / "missing", old)
    assert list(tmp_path.iterdir()) == [old]
