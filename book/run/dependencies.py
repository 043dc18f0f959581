"""What an executed chapter depends on."""

from __future__ import annotations

import re
import tempfile
from modulefinder import ModuleFinder
from pathlib import Path

import jupytext
from nbformat import NotebookNode


def imported_modules(notebook: NotebookNode, root: Path) -> list[Path]:
    """Find the files under ``root`` that a chapter's code imports, directly or through one another.

    Imports inside functions count too: Python's ``modulefinder`` reads the compiled code, and
    runs none of it. Modules found elsewhere, such as installed packages, are the lock file's
    business.
    """
    # jupytext comments out IPython's magics, which are not Python
    script = jupytext.writes(notebook, "py:light")
    finder = ModuleFinder(path=[str(root)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chapter.py")
        path.write_text(script, encoding="utf-8")
        finder.run_script(str(path))
    # modules compiled into Python itself have no file
    names = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = {Path(name) for name in names if name}
    return sorted(file.relative_to(root) for file in files if file.is_relative_to(root))


def named_data(notebook: NotebookNode, root: Path) -> list[Path]:
    """Find the stored results, of the book and of benchmarks, that a chapter's code names.

    Of a study that is kept in parts, ``NAME-0.nc`` and so on, it names all by ``"NAME"``.
    """
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    stored = (root / folder / "results" for folder in ("book", "benchmarks"))
    files = (file for folder in stored for file in folder.rglob("*") if file.is_file())
    part = re.compile(r"-\d+$")
    return sorted(
        file.relative_to(root)
        for file in files
        if file.name in code or (part.search(file.stem) and f'"{part.sub("", file.stem)}"' in code)
    )
