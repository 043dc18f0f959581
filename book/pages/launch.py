"""Chapters as notebooks that run wherever they are opened: ``python -m book.pages.launch IN OUT``.

The notebooks of ``make notebooks`` begin with a cell that installs the book's code where it is not
there; Jupyter does not save it in the chapter (:func:`book.run.chapter.keep_unchanged`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import jinja2
import jupytext
import nbformat
import yaml
from sphinx.application import Sphinx

from book.run.chapter import INSTALLS
from meta_bandit.files import write_atomically

COLAB_BRANCH = "notebooks"
"""Of the repository: GitHub's workflow lays the notebooks there, as Colab opens no others."""


def public_address(root: Path) -> str | None:
    """Find the repository's address: in ``CITATION.cff``, else as GitHub's workflow says."""
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    server, name = (os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY"))
    return cited.get("repository-code") or (f"{server}/{name}" if server and name else None)


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


def write_notebook(chapter: Path, output: Path, address: str | None) -> None:
    """Write a chapter as a notebook, not executed, with a first cell that installs."""
    notebook = jupytext.read(chapter)
    notebook.cells.insert(0, first_cell(address))
    write_atomically(output, jupytext.writes(notebook, "ipynb") + "\n")


def find_notebooks(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Let Colab's button lead to the branch that holds notebooks; Binder makes its own."""
    groups = [button.get("buttons", []) for button in context.get("header_buttons", [])]
    for button in (button for group in groups for button in group if button["text"] == "Colab"):
        button["url"] = button["url"].replace("/blob/HEAD/book/", f"/blob/{COLAB_BRANCH}/")


if __name__ == "__main__":
    write_notebook(Path(sys.argv[1]), Path(sys.argv[2]), public_address(Path()))
