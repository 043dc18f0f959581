"""Chapters as notebooks that run wherever they are opened.

``python -m book.pages.launch notebooks/NAME.ipynb ...`` makes them of the chapters. They begin with
a cell that installs the book's code where it is not there; Jupyter does not save it in the chapter
(:func:`book.run.chapter.keep_unchanged`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import jupytext
import nbformat
import yaml
from sphinx.application import Sphinx

from book.pages.cite import read_book
from book.run.chapter import INSTALLS
from meta_bandit.files import write_atomically

COLAB_BRANCH = "notebooks"
"""Of the repository: GitHub's workflow lays the notebooks there, as Colab opens no others."""


def public_address(root: Path) -> str | None:
    """Find the repository's address: in ``CITATION.cff``, else as GitHub's workflow says."""
    cited = read_book(root / "CITATION.cff").repository
    server, name = (os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY"))
    return cited or (f"{server}/{name}" if server and name else None)


def launch_settings(address: str | None) -> str:
    """Give the lines of ``_config.yml`` by which each chapter has buttons that open it elsewhere.

    Without an address there is none, as it would lead nowhere; one for Colab there is only if it is
    on GitHub. ``postBuild`` lays the notebooks where Binder's buttons look.
    """
    if address is None:
        return ""
    on_github = address.startswith("https://github.com/")
    settings = {
        "repository": {"url": address, "branch": "HEAD", "path_to_book": ""},
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com" if on_github else "",
            "notebook_interface": "jupyterlab",
        },
    }
    return f"\n{yaml.safe_dump(settings)}"


def first_cell(address: str | None) -> nbformat.NotebookNode:
    """Make the cell, tagged with ``INSTALLS``, that installs what a notebook opened alone needs."""
    text = Path(__file__).with_name("install.jinja").read_text(encoding="utf-8").strip()
    source = jinja2.Template(text).render(address=repr(address))
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(
        source, id=INSTALLS, metadata={"tags": [INSTALLS]}
    )
    return cell


def as_notebook(chapter: Path, address: str | None) -> bytes:
    """Turn a chapter into a notebook, not executed, with a first cell that installs."""
    notebook = jupytext.read(chapter)
    for position, cell in enumerate(notebook.cells):
        # by chance otherwise, and then no two would be the same
        cell.id = f"cell-{position:03d}"
    notebook.cells.insert(0, first_cell(address))
    return f"{jupytext.writes(notebook, 'ipynb')}\n".encode()


def find_notebooks(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Let Colab's button lead to the branch that holds notebooks; Binder makes its own."""
    groups = [button.get("buttons", []) for button in context.get("header_buttons", [])]
    for button in (button for group in groups for button in group if button["text"] == "Colab"):
        button["url"] = button["url"].replace("/blob/HEAD/book/", f"/blob/{COLAB_BRANCH}/")


def main(outputs: Sequence[str]) -> None:
    """Write notebooks, each from the chapter of its name, and none that says the same already."""
    address = public_address(Path())
    for output in map(Path, outputs):
        wanted = as_notebook(Path("book", f"{output.stem}.md"), address)
        if not output.exists() or output.read_bytes() != wanted:
            write_atomically(output, wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
