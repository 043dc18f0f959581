from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from book.pages.downloads import first_figure


def notebook(path: Path, *data: dict[str, str]) -> Path:
    outputs = [new_output("display_data", data=item) for item in data]
    nbformat.write(new_notebook(cells=[new_code_cell(outputs=outputs)]), path)
    return path


def test_the_first_figure_is_taken(tmp_path: Path) -> None:
    made = notebook(
        tmp_path / "a.ipynb", {"text/plain": "1"}, {"image/png": "YQ=="}, {"image/png": "Yg=="}
    )
    assert first_figure(made) == b"a"


def test_a_notebook_without_a_figure_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.ipynb: must hold a figure"):
        first_figure(notebook(tmp_path / "b.ipynb", {"text/plain": "1"}))
