"""A notebook runs wherever it is opened: its first cell installs, and is no part of the chapter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from book.pages.launch import as_notebook

ROOT = Path(__file__).resolve().parents[2]
Fresh = Callable[[Path], NotebookNode]
WHERE = "import meta_bandit\n\nprint(meta_bandit.__file__)"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of the repository a chapter needs, as a repository of its own."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    unneeded = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "meta_bandit", folder / "meta_bandit", ignore=unneeded)
    (folder / "book").mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    text = (ROOT / "book" / "the-bandit.md").read_text()
    text = text.replace('profile = "quick"', 'profile = "smoke"')
    (folder / "book" / "the-bandit.md").write_text(text)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """Execute a notebook where it lies, by a new environment that has all but the book's code."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (installed,) = venv.glob("lib/*/site-packages")
    # only its packages: an editable one is found by a .pth file there, which is not read
    (installed / "all.pth").write_text(sysconfig.get_path("purelib"))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # nothing comes from the network
    environment |= {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    python = str(venv / "bin" / "python")
    missing = [python, "-c", "import meta_bandit"]
    assert subprocess.run(missing, env=environment, cwd=tmp_path, capture_output=True).returncode

    def run(notebook: Path) -> NotebookNode:
        command = [python, "-m", "papermill", "--no-progress-bar", "-k", "python3"]
        command += [notebook.name, notebook.name]
        done = subprocess.run(
            command, cwd=notebook.parent, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return nbformat.read(notebook, as_version=4)

    return run


def shortened(notebook: Path, repository: Path, address: str | None, code: str) -> None:
    """Write the chapter's first cell, and another one after it."""
    notebook.write_bytes(as_notebook(repository / "book" / "the-bandit.md", address))
    made = nbformat.read(notebook, as_version=4)
    made.cells = [made.cells[0], nbformat.v4.new_code_cell(code)]
    nbformat.write(made, notebook)


def printed(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    return [line for output in outputs for line in output.get("text", "").splitlines()]


@pytest.mark.slow
def test_a_notebook_alone_fetches_the_book_and_runs(
    tmp_path: Path, repository: Path, fresh: Fresh
) -> None:
    place = tmp_path / "a reader's"
    place.mkdir()
    chapter, notebook = repository / "book" / "the-bandit.md", place / "the-bandit.ipynb"
    notebook.write_bytes(as_notebook(chapter, f"file://{repository}"))
    done = fresh(notebook)
    figures = [
        output for cell in done.cells for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]  # fmt: skip
    assert figures
    assert {path.name for path in place.iterdir()} == {notebook.name, "learning-not-to-learn"}


@pytest.mark.slow
def test_in_a_checkout_it_installs_that(tmp_path: Path, repository: Path, fresh: Fresh) -> None:
    checkout = Path(shutil.copytree(repository, tmp_path / "my checkout"))
    (notebooks := checkout / "notebooks").mkdir()
    shortened(notebooks / "x.ipynb", repository, "file:///nowhere", WHERE)
    done = fresh(notebooks / "x.ipynb")
    assert printed(done)[-1] == str(checkout / "meta_bandit" / "__init__.py")
    assert {path.name for path in notebooks.iterdir()} == {"x.ipynb"}


def test_where_the_code_is_there_it_does_nothing(
    tmp_path: Path, repository: Path, fresh: Fresh
) -> None:
    (site,) = (tmp_path / "venv").glob("lib/*/site-packages")
    (site / "mine.pth").write_text(str(repository))
    before = set(site.iterdir())
    shortened(tmp_path / "x.ipynb", repository, "file:///nowhere", WHERE)
    assert printed(fresh(tmp_path / "x.ipynb")) == [str(repository / "meta_bandit/__init__.py")]
    assert set(site.iterdir()) == before


def test_without_an_address_it_says_what_to_do(
    tmp_path: Path, repository: Path, fresh: Fresh
) -> None:
    shortened(tmp_path / "x.ipynb", repository, None, "1")
    assert " ".join(printed(fresh(tmp_path / "x.ipynb"))) == (
        "The book's code is not here, and nothing says where its repository is: "
        "open this notebook in a copy of the repository."
    )
