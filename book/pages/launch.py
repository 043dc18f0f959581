"""Chapters as notebooks that run wherever they are opened: ``python -m book.pages.launch``.

The notebooks of ``make notebooks`` begin with a cell that installs the book's code where it is not
there; Jupyter does not save it in the chapter (:func:`book.run.chapter.keep_unchanged`).
"""

from __future__ import annotations

import argparse
import hashlib
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the notebooks of chapters, and leave what a reader changed: of that only a word."""
    parser = argparse.ArgumentParser(prog="book.pages.launch", description=__doc__)
    parser.add_argument("chapters", nargs="+", help="names of chapters")
    parser.add_argument("--written", type=Path, required=True, help="digests of what make wrote")
    parser.add_argument("--force", action="store_true", help="replace what a reader changed, too")
    options = parser.parse_args(arguments)
    address = public_address(Path())
    known = options.written.read_text(encoding="utf-8") if options.written.is_file() else ""
    for name in options.chapters:
        output = Path("notebooks", f"{name}.ipynb")
        wanted = as_notebook(Path("book", f"{name}.md"), address)
        there = output.read_bytes() if output.exists() else None
        if there is not None and not options.force and _line(output, there) not in known:
            print(
                f"{output}: was changed or run since make wrote it, and stays; FORCE=1 replaces it",
                file=sys.stderr,
            )
        elif there != wanted:
            write_atomically(output, wanted)
            known += _line(output, wanted)
    write_atomically(options.written, known)
    return 0


def _line(path: Path, content: bytes) -> str:
    """Write as ``sha256sum`` does."""
    return f"{hashlib.sha256(content).hexdigest()}  {path}\n"


if __name__ == "__main__":
    sys.exit(main())
