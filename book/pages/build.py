"""Make the pages: ``python -m book.pages.build _build/PROFILE EXECUTED_CHAPTER.ipynb ...``."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from filelock import FileLock
from playwright.sync_api import Error as BrowserError

from book.pages.downloads import FOLDER, NAME, find_browser, make_zip, print_pdf
from book.pages.launch import launch_settings, public_address
from book.pages.provenance import WORDS, add_provenance
from book.run.stale import LEFT_BY_EDITORS, memory, page_inputs, remember, snapshot
from meta_bandit.files import write_atomically

_UNFINISHED = ".html-"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BuildError(Exception):
    """Jupyter Book refused; the message holds what it said."""


def stage(root: Path, notebooks: Sequence[Path], source: Path) -> None:
    """Lay out what Jupyter Book reads: the repository's own shape, its chapters executed.

    What is known only when the pages are made lies in text files, which pages include.
    """
    shutil.rmtree(source, ignore_errors=True)
    unread = shutil.ignore_patterns(*LEFT_BY_EDITORS, "run", "pages", "results", "*.ipynb")
    shutil.copytree(root / "book", source / "book", ignore=unread)
    shutil.copy(root / "_toc.yml", source)
    config = (root / "_config.yml").read_text(encoding="utf-8")
    config += launch_settings(public_address(root))
    (source / "_config.yml").write_text(config, encoding="utf-8")

    runs = {
        notebook: json.loads(notebook.with_suffix(".run.json").read_text(encoding="utf-8"))
        for notebook in notebooks
    }
    faults = root / "benchmarks" / "results" / "faults.json"
    counted = json.loads(faults.read_text(encoding="utf-8")) if faults.is_file() else None
    known = {
        "chapter-runs": WORDS.runs(list(runs.values())),
        "faults": WORDS.faults(counted),
        "downloads": WORDS.downloads(f"../{FOLDER}/{NAME}", find_browser()),
    }
    for name, text in known.items():
        (source / "book" / f"{name}.txt").write_text(text, encoding="utf-8")

    chapters = [notebook.stem for notebook in notebooks]
    for path, run in runs.items():
        (source / "book" / f"{path.stem}.md").unlink()
        notebook = nbformat.read(path, as_version=4)
        add_provenance(notebook, run)
        # captions, which are metadata, have links too
        text = link_to_notebooks(nbformat.writes(notebook) + "\n", chapters)
        (source / "book" / path.name).write_text(text, encoding="utf-8")
    for page in source.glob("book/*.md"):
        # some editors begin a file with a byte order mark
        text = link_to_notebooks(page.read_text(encoding="utf-8-sig"), chapters)
        page.write_text(text, encoding="utf-8")


def link_to_notebooks(text: str, chapters: Sequence[str]) -> str:
    """Turn links to text chapters, which work where the sources are read, to executed ones.

    Of Markdown, ``[words](NAME.md#part)`` becomes ``[words](NAME.ipynb#part)``.
    """
    names = "|".join(map(re.escape, chapters))
    return re.sub(rf"(\]\((?:{names}))\.md(?=[)#])", r"\1.ipynb", text)


def replace_directory(new: Path, old: Path) -> None:
    """Put the folder ``new`` in the place of the folder ``old``, which may be missing.

    Both are on one file system; what was there is removed after the exchange, never before.
    """
    retired = old.with_name(f".{old.name}.retired")
    shutil.rmtree(retired, ignore_errors=True)
    if old.exists():
        old.rename(retired)
    try:
        new.rename(old)
    except OSError:
        if retired.exists():
            retired.rename(old)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def build_html(root: Path, notebooks: Sequence[Path], folder: Path) -> Path:
    """Build the site, and only if nothing is wrong with it put it in the place of the one before.

    The folder gets ``src/``, ``html/`` and Jupyter Book's logs; ``html/downloads`` gets a zip of
    the site, and a PDF where Chromium is there to print one. If Jupyter Book fails or warns, that
    is a BuildError, and ``html/`` is as it was.
    """
    stage(root, notebooks, folder / "src")
    browser = find_browser()
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as name:
        output = Path(name)
        pdf = output / f"{NAME}.pdf"
        # the site, and beside it, as that takes as long, the book on one page, and its PDF
        with ThreadPoolExecutor() as pool:
            printing = pool.submit(_print_book, root, folder, output, pdf, browser)
            site = _jupyter_book(root, folder, output, "html")
            printing.result()
        downloads = site / FOLDER
        downloads.mkdir()
        if browser:
            pdf.rename(downloads / pdf.name)
        make_zip(site, downloads / f"{NAME}.zip")
        replace_directory(site, folder / "html")
    return folder / "html" / "index.html"


def _print_book(root: Path, folder: Path, output: Path, pdf: Path, browser: str | None) -> None:
    if browser:
        print_pdf(_jupyter_book(root, folder, output, "singlehtml"), pdf, browser)


def _jupyter_book(root: Path, folder: Path, output: Path, builder: str) -> Path:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder / "src")]
    # each builder reads the sources for itself, so that two can work at a time
    made = output / builder
    command += ["--path-output", str(made), "--builder", builder, "-W", "-n", "--keep-going"]
    # the Sphinx extension is part of the repository, not of the installed package
    environment = os.environ | {"PYTHONPATH": str(root)}
    # Sphinx would take the year of the copyright from it
    environment.pop("SOURCE_DATE_EPOCH", None)
    log = folder / f"jupyter-book-{builder}.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(command, stdout=stream, stderr=stream, env=environment, check=False)
    if done.returncode:
        said = _complaints(log).replace(f"{(folder / 'src').resolve()}/", "")
        raise BuildError(f"{said}\nthe whole log: {log}")
    return made / "_build" / builder


def _complaints(log: Path) -> str:
    lines = _COLOURS.sub("", log.read_text(encoding="utf-8")).splitlines()
    said = [line for line in lines if "WARNING" in line or "ERROR" in line]
    text = "\n".join(said or lines[-30:])
    # MyST-NB counts lines as 10000 times the cell plus the line in it
    return re.sub(r"\.ipynb:(\d+)(?=\d{4}:)0{0,3}", r".ipynb: cell \1, line ", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line from the repository's top folder; status 1 after a complaint."""
    parser = argparse.ArgumentParser(prog="book.pages.build", description=__doc__)
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
    except (BuildError, OSError, BrowserError) as error:
        # where a folder is copied, each of its files may have a complaint of its own
        said = error.args[0][0] if isinstance(error, shutil.Error) else error
        print(f"error: no pages were made, the book before stays\n{said}", file=sys.stderr)
        return 1
    write_atomically(memory(index), remember(index, [], inputs))
    print(f"pages: built in {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
