"""Make the pages: ``python -m book.tools.build _build/PROFILE EXECUTED_CHAPTER.ipynb ...``."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from book.tools.downloads import FOLDER, NAME, find_browser, make_zip, print_pdf
from book.tools.files import replace_directory
from book.tools.launch import launch_settings, public_address
from book.tools.stale import is_leftover, listed, memory, page_inputs, remember, snapshot
from meta_bandit.files import write_atomically

_UNFINISHED = ".html-"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(Exception):
    """Jupyter Book refused; the message holds what it said."""


def stage(root: Path, notebooks: Sequence[Path], source: Path) -> None:
    """Lay out what Jupyter Book reads: the repository's own shape, its chapters executed.

    Parameters
    ----------
    root
        The repository.
    notebooks
        Executed chapters.
    source
        The folder to make; an older one is replaced.
    """
    shutil.rmtree(source, ignore_errors=True)
    pages = {str(page) for page in listed(root)}

    def not_pages(folder: str, names: list[str]) -> set[str]:
        here = Path(folder).relative_to(root)
        return {
            name for name in names
            if is_leftover(name) or name in ("tools", "results") or name.endswith(".ipynb")
            or (name.endswith((".md", ".rst")) and str(here / name) not in pages)
        }  # fmt: skip

    shutil.copytree(root / "book", source / "book", ignore=not_pages)
    shutil.copy(root / "_toc.yml", source)
    config = (root / "_config.yml").read_text(encoding="utf-8")
    config += launch_settings(public_address(root))
    (source / "_config.yml").write_text(config, encoding="utf-8")
    chapters = [notebook.stem for notebook in notebooks]
    for notebook in notebooks:
        (source / "book" / f"{notebook.stem}.md").unlink()
        for made in (notebook, notebook.with_suffix(".run.json")):
            shutil.copy(made, source / "book")
    for page in [*source.glob("book/*.ipynb"), *source.glob("book/*.md")]:
        linked = link_to_notebooks(page.read_text(encoding="utf-8"), chapters)
        page.write_text(linked, encoding="utf-8")


def link_to_notebooks(text: str, chapters: Sequence[str]) -> str:
    """Turn links to text chapters, which work where the sources are read, to executed ones.

    Parameters
    ----------
    text
        Markdown, or a notebook with Markdown in it.
    chapters
        Names of those that are executed.

    Returns
    -------
    str
        The same text; ``[words](NAME.md#part)`` has become ``[words](NAME.ipynb#part)``.
    """
    names = "|".join(map(re.escape, chapters))
    return re.sub(rf"(\]\((?:{names}))\.md(?=[)#])", r"\1.ipynb", text)


def build_html(root: Path, notebooks: Sequence[Path], folder: Path) -> Path:
    """Build the site, and only if nothing is wrong with it put it in the place of the one before.

    Its folder ``downloads`` gets a zip of it, and a PDF where Chromium is there to print one.

    Parameters
    ----------
    root
        The repository.
    notebooks
        Executed chapters.
    folder
        Gets ``src/``, ``html/`` and ``jupyter-book.log``.

    Returns
    -------
    Path
        The first page of the site.

    Raises
    ------
    BuildError
        If Jupyter Book fails or warns; ``html/`` is then as it was.
    """
    stage(root, notebooks, folder / "src")
    browser = find_browser()
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as output:
        made = Path(output, "_build")
        _jupyter_book(root, folder, Path(output), "html")
        downloads = made / "html" / FOLDER
        downloads.mkdir()
        if browser:
            # it reuses what the first has read
            _jupyter_book(root, folder, Path(output), "singlehtml")
            print_pdf(made / "singlehtml", downloads / f"{NAME}.pdf", browser)
        make_zip(made / "html", downloads / f"{NAME}.zip")
        replace_directory(made / "html", folder / "html")
    return folder / "html" / "index.html"


def _jupyter_book(root: Path, folder: Path, output: Path, builder: str) -> None:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder / "src")]
    command += ["--path-output", str(output), "--builder", builder, "-W", "-n", "--keep-going"]
    # the Sphinx extension is part of the repository, not of the installed package
    environment = os.environ | {"PYTHONPATH": str(root)}
    # Sphinx would take the year of the copyright from it
    environment.pop("SOURCE_DATE_EPOCH", None)
    log = folder / "jupyter-book.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, stdout=stream, stderr=stream, env=environment, check=False)
    if done.returncode:
        said = _complaints(log).replace(f"{(folder / 'src').resolve()}/", "")
        raise BuildError(f"{said}\nthe whole log: {log}")


def _complaints(log: Path) -> str:
    lines = _COLOURS.sub("", log.read_text(encoding="utf-8")).splitlines()
    said = [line for line in lines if "WARNING" in line or "ERROR" in line]
    text = "\n".join(said or lines[-30:])
    # MyST-NB counts lines as 10000 times the cell plus the line in it
    return re.sub(r"\.ipynb:(\d+)(?=\d{4}:)0{0,3}", r".ipynb: cell \1, line ", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, from the repository's top folder.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, or 1 after Jupyter Book's own complaints.
    """
    parser = argparse.ArgumentParser(prog="book.tools.build", description=__doc__)
    parser.add_argument("folder", type=Path, help="where src/ and html/ go")
    parser.add_argument("notebooks", type=Path, nargs="*", help="executed chapters")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"pages: building HTML from {len(options.notebooks)} executed chapters ...", flush=True)
    start = time.perf_counter()
    inputs = snapshot(page_inputs(Path(), options.notebooks))
    try:
        # the lock of a build that was killed is free
        with FileLock(options.folder.with_name(f".{options.folder.name}.lock")):
            for left in options.folder.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left)
            index = build_html(Path.cwd(), options.notebooks, options.folder)
    except (BuildError, OSError) as error:
        # where a folder is copied, each of its files may have a complaint of its own
        said = error.args[0][0] if isinstance(error, shutil.Error) else error
        print(f"error: no pages were made, the book before stays\n{said}", file=sys.stderr)
        return 1
    write_atomically(memory(index), remember(index, [], inputs))
    print(f"pages: built in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
