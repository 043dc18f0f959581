"""Run one chapter: ``python -m book.run.execute book/NAME.md OUT.ipynb``."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from tenacity import Retrying, retry_if_exception_message, stop_after_attempt

from book.run.chapter import (
    ChapterError,
    allowed_words,
    check_parameters,
    default_parameters,
    read_chapter,
    split_parameters,
)
from book.run.record import Run, ask, ask_first, take_record, usable
from book.run.stale import EXECUTE, memory, remember, snapshot
from meta_bandit.files import find_place, write_atomically

PROFILES = ("smoke", "quick", "paper")

KERNEL_ENVIRONMENT = {
    # sums over threads depend on how many there are, and Make runs chapters side by side
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    # a plotting backend, a style or a date of the machine's own would change the figures' bytes
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "SOURCE_DATE_EPOCH": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # a kernel called python3 in the reader's home folder must not win over this environment's
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
"""Set for every chapter's kernel; ``OMP_NUM_THREADS`` alone may be set differently from outside."""

KERNEL_FILES = {
    "profile_default/ipython_kernel_config.py": """
c.HistoryManager.enabled = False
# the pages show the SVG; README, previews of links and other programs take the PNG
c.InlineBackend.figure_formats = {"png", "svg"}
""",
    # else the names inside an SVG would be new each time
    "matplotlibrc": "svg.hashsalt: book\n",
}
"""Settings of every chapter's kernel, in a folder of its own."""

_READERS_OWN = ("PYTHON", "IPYTHON", "JUPYTER", "MPL", "MATPLOTLIB")


def prepare_environment() -> None:
    """Set what kernels started from this process inherit (``KERNEL_ENVIRONMENT``).

    Of the reader's own settings of Python, IPython, Jupyter and Matplotlib none is left but the
    module path, which the current folder, the tree that is built, now leads.
    """
    threads = os.environ.get("OMP_NUM_THREADS")
    path = [str(Path.cwd()), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    for name in [name for name in os.environ if name.startswith(_READERS_OWN)]:
        del os.environ[name]
    os.environ.update(KERNEL_ENVIRONMENT, PYTHONPATH=os.pathsep.join(dict.fromkeys(path)))
    if threads:
        os.environ["OMP_NUM_THREADS"] = threads
    folder = Path(_private_folder())
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MATPLOTLIBRC"):
        os.environ[name] = str(folder)
    for name, text in KERNEL_FILES.items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(text, encoding="utf-8")
    fonts = Path("_build", "fonts").absolute()
    os.environ["MPLCONFIGDIR"] = str(fonts)
    if not list(fonts.glob("fontlist*")):
        # made in a kernel, the list of fonts could take long enough for a warning in the page
        fonts.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", "import matplotlib.font_manager"]
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


@cache
def _private_folder() -> str:
    """Make a folder that is gone when this process ends."""
    folder = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return folder.name


def execute_chapter(
    chapter: Path,
    output: Path,
    given: Mapping[str, str] | None = None,
    profile: str | None = None,
) -> Run:
    """Execute a chapter into a notebook that is byte-identical from run to run.

    Its record is written beside it, as ``.run.json``; with the chapter's own values for all
    parameters, what the run was made from is kept too, for `book.run.stale`. If the chapter or a
    parameter is not right, or a cell raises, a ChapterError names which, and what was there stays.

    Parameters
    ----------
    chapter, output
        The ``.md`` file, and the ``.ipynb`` to make.
    given
        Text of each parameter's value by name, checked before anything runs.
    profile
        Value for the parameter ``profile``, where the chapter has one that ``given`` does not set.
    """
    notebook = read_chapter(chapter)
    try:
        defaults = default_parameters(notebook)
        values = check_parameters(defaults, given or {}, allowed_words(notebook))
    except ChapterError as error:
        raise ChapterError(f"{chapter}: {error}") from None
    if profile and "profile" in defaults:
        values.setdefault("profile", profile)
    # what says nothing new gets no cell of its own in the page
    changed = {name: value for name, value in values.items() if value != defaults[name]}

    parameters, root = defaults | values, Path.cwd()
    before = snapshot([chapter, *EXECUTE, *usable(root)])
    ask(notebook, parameters)
    try:
        find_place(output, "OUT")
    except ValueError as error:
        raise ChapterError(str(error)) from None
    if (own := output.with_name("matplotlibrc")).exists():
        # there Matplotlib would look first, whatever it is told
        raise ChapterError(f"{own}: would change the figures: move it, or write to another folder")
    prepare_environment()
    ask_first(output.parent, root)
    start = time.perf_counter()
    try:
        # another process can take a port of the kernel's between its choice and its use
        anew = retry_if_exception_message(match="Kernel died before replying")
        executed = Retrying(retry=anew, stop=stop_after_attempt(3), reraise=True)(
            papermill.execute_notebook,
            notebook,
            None,
            parameters=changed,
            cwd=output.parent,
            # a busy machine delivers what a cell prints in pieces
            coalesce_streams=True,
            progress_bar={"desc": chapter.stem, "disable": None, "leave": False},
            # else every kernel warns that its messages to this process are not encrypted
            extra_arguments=["--log-level=CRITICAL"],
        )
    except PapermillExecutionError as error:
        raise ChapterError(describe_failure(chapter, error)) from None
    except DeadKernelError:
        raise ChapterError(
            f"{chapter}: its kernel was killed, as systems do where memory is short; run it again"
        ) from None
    if "profile" in parameters:
        profile = str(parameters["profile"])
    run, used = take_record(executed, chapter, profile, parameters, time.perf_counter() - start)
    inputs = snapshot([chapter, *EXECUTE, *used])
    if edited := [name for name, now in inputs.items() if before.get(name, now) != now]:
        raise ChapterError(f"{chapter}: changed while it ran, run it again: {', '.join(edited)}")
    make_reproducible(executed)
    executed.metadata["run"] = run.repeatable()
    record = output.with_suffix(".run.json")
    write_atomically(output, nbformat.writes(executed) + "\n")
    write_atomically(record, json.dumps(asdict(run), indent=1) + "\n")
    if not given:
        # last, so that after a kill at any moment the chapter runs again
        write_atomically(memory(output), remember(output, [record], inputs))
    return run


def make_reproducible(notebook: NotebookNode) -> None:
    """Drop from an executed notebook, in place, whatever differs between two equal runs.

    Its times and run identifiers go; its cells are named by their position.
    """
    for part in (notebook, *notebook.cells):
        for key in ("papermill", "execution", "jupytext"):
            part.metadata.pop(key, None)
    for position, cell in enumerate(notebook.cells):
        cell.id = f"cell-{position:03d}"


def describe_failure(chapter: Path, error: PapermillExecutionError) -> str:
    """Say in several lines which cell of a chapter raised what, and where it stands in the text."""
    text = chapter.read_text(encoding="utf-8-sig")
    position = text.find(error.source)
    line = f":{text.count(chr(10), 0, position) + 1}" if position >= 0 else ""
    head = "\n".join(f"    {row}" for row in error.source.splitlines()[:5])
    return (
        f"{chapter}{line}: cell {error.cell_index + 1}, In [{error.exec_count}], raised "
        f"{error.ename}: {error.evalue}\n{head}\n{error}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its status is 0, or 1 after a message that names the chapter."""
    parser = argparse.ArgumentParser(prog="book.run.execute", description=__doc__)
    parser.add_argument("chapter", type=Path, help="the chapter's .md file")
    parser.add_argument("output", type=Path, help="the executed .ipynb to make")
    parser.add_argument("--parameters", default="", help='"NAME=VALUE ...", the values in YAML')
    parser.add_argument("--profile", choices=PROFILES)
    parser.add_argument("--force", action="store_true", help="replace an output that is there")
    options = parser.parse_args(arguments)
    try:
        given = split_parameters(options.parameters)
        if options.output.exists() and not options.force:
            raise ChapterError(
                f"{options.output}: is there, and stays: OUT=another.ipynb keeps both, FORCE=1 "
                "replaces it"
            )
        run = execute_chapter(options.chapter, options.output, given, options.profile)
    except (ChapterError, OSError) as error:
        where = "" if isinstance(error, ChapterError) else f"{options.output}: "
        print(f"error: {where}{error}", file=sys.stderr)
        return 1
    print(f"{run.chapter}: executed in {run.seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
