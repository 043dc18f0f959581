"""Chapters as notebooks that run wherever they are opened: ``python -m book.tools.launch IN OUT``.

The notebooks of ``make notebooks`` begin with a cell that installs the book's code where it is not
there; Jupyter does not save it in the chapter (:func:`book.tools.chapter.keep_unchanged`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml
from nbformat import NotebookNode
from sphinx.application import Sphinx

from book.tools.chapter import INSTALLS
from meta_bandit.files import write_atomically

COLAB_BRANCH = "notebooks"
"""Of the repository: GitHub's workflow lays the notebooks there, as Colab opens no others."""

_FIRST_CELL = """\
# installs the book's code where it is not there yet; the chapter begins below
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

address = {address!r}  # of the repository
if not all(map(importlib.util.find_spec, ("meta_bandit", "myst_nb"))):
    folders = [Path.cwd(), *Path.cwd().parents]
    parts = {{"meta_bandit", "pyproject.toml"}}
    root = next((path for path in folders if parts <= {{*os.listdir(path)}}), None)
    if address and not root:
        root = Path("learning-not-to-learn").absolute()
        if not root.exists():
            subprocess.run(["git", "clone", "-q", "--depth", "1", address, root], check=True)
        os.chdir(root / "book")
    if root:
        # this index has PyTorch without CUDA, several GB smaller than PyPI's
        %pip install -q --extra-index-url {index} -e "{{root}}[book]"
        sys.path.insert(0, str(root))
    else:
        print("The book's code is not here, and nothing says where its repository is:")
        print("open this notebook in a copy of the repository.")
"""
_INDEX = "https://download.pytorch.org/whl/cpu"


def public_address(root: Path) -> str | None:
    """Find the repository's address: in ``CITATION.cff``, else as GitHub's workflow says.

    Parameters
    ----------
    root
        The repository.

    Returns
    -------
    str or None
        Its address; None if nothing says it.
    """
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    server, name = (os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY"))
    return cited.get("repository-code") or (f"{server}/{name}" if server and name else None)


def launch_settings(address: str | None) -> str:
    """Give the lines of ``_config.yml`` by which each chapter has buttons that open it elsewhere.

    Parameters
    ----------
    address
        Of the repository. Without it there is no button, as it would lead nowhere; one for Colab
        there is only if it is on GitHub.

    Returns
    -------
    str
        YAML; ``postBuild`` lays the notebooks where Binder's buttons look.
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


def first_cell(address: str | None) -> NotebookNode:
    """Make the cell that installs the book's code where it is not there.

    Parameters
    ----------
    address
        Of the repository, for where the notebook is opened alone.

    Returns
    -------
    NotebookNode
        A code cell, tagged with ``INSTALLS``.
    """
    source = _FIRST_CELL.format(address=address, index=_INDEX).strip()
    cell: NotebookNode = nbformat.v4.new_code_cell(
        source, id=INSTALLS, metadata={"tags": [INSTALLS]}
    )
    return cell


def write_notebook(chapter: Path, output: Path, address: str | None) -> None:
    """Write a chapter as a notebook, not executed, with a first cell that installs.

    Parameters
    ----------
    chapter
        The ``.md`` file.
    output
        The ``.ipynb`` file to make.
    address
        Of the repository, if it is known.
    """
    notebook = jupytext.read(chapter)
    notebook.cells.insert(0, first_cell(address))
    write_atomically(output, jupytext.writes(notebook, "ipynb") + "\n")


def find_notebooks(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Let Colab's button lead to the branch that holds notebooks; Binder makes its own.

    Parameters
    ----------
    app, pagename, templatename, doctree
        As Sphinx gives them.
    context
        What the page shows; its buttons are changed.
    """
    groups = [button.get("buttons", []) for button in context.get("header_buttons", [])]
    for button in (button for group in groups for button in group if button["text"] == "Colab"):
        button["url"] = button["url"].replace("/blob/HEAD/book/", f"/blob/{COLAB_BRANCH}/")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    Parameters
    ----------
    app
        The running build.

    Returns
    -------
    dict
        That parallel builds are safe.
    """
    # after the theme has made the buttons
    app.connect("html-page-context", find_notebooks, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    write_notebook(Path(sys.argv[1]), Path(sys.argv[2]), public_address(Path()))
