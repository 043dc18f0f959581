"""What a chapter depends on, and what its run leaves: with what it was made, and at what cost."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import jupytext
import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from book.run.chapter import ChapterError, Value
from book.run.stale import snapshot

_VERSIONS_OF = ("numpy", "scipy", "sympy", "torch", "matplotlib", "xarray")

_EPILOGUE = '''
def _tell():
    """Print what only the kernel knows; an integer count may be another than its parameter."""
    import json, resource, sys

    def plain(value):
        value = value.tolist() if hasattr(value, "tolist") else value
        try:
            return json.loads(json.dumps(value))
        except (TypeError, ValueError):
            return None

    budget = {}
    for name, given in COUNTS.items():
        value = plain(globals().get(name))
        budget[name] = value if type(value) is type(given) else given
    for name, words in (("updates", "training updates"), ("lives", "lives an update")):
        value = plain(getattr(globals().get("config"), name, None))
        if value is not None:
            budget[words] = value
    seeds = plain(globals().get("seeds", globals().get("seed")))
    seeds = sorted(set(seeds)) if isinstance(seeds, list) else [seeds]
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_initialized()
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    read = getattr(sys.modules.get("meta_bandit.studies.results"), "READ", ())
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "seeds": [seed for seed in seeds if seed is not None],
        "budget": budget,
        "memory": max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024,
        "files": {name: file for name, file in files.items() if isinstance(file, str)},
        "read": [str(path) for path in read],
        "device": f"cuda, {torch.cuda.get_device_name()}" if on_gpu else None,
    }))


_tell()
'''


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


@dataclass(frozen=True)
class Run:
    """What is worth knowing about one execution."""

    chapter: str  # its name
    profile: str | None  # smoke, quick or paper
    parameters: Mapping[str, Value]  # every parameter's value
    seeds: Sequence[int]  # the kernel's `seeds` at the end of the run, or else its `seed`
    # Parameters whose unit is a count, as they were at the end of the run, since a profile may
    # lower them; and the updates and the lives an update of a `config`, where there is one.
    budget: Mapping[str, Value]
    code: str  # SHA-256 of the chapter and of this repository's modules that it imports or imported
    modules: int  # how many those are
    # SHA-256 by file, of those stored results that the chapter names or asked for
    data: Mapping[str, str | None]
    python: str  # version
    versions: Mapping[str, str]  # by package
    seconds: float  # of wall-clock time
    memory: float  # largest resident memory of the kernel or of a process it started, in MiB
    device: str  # what computed: the graphics processor, or else the processor
    machine: str  # the platform, in words
    commit: str | None  # with `-dirty` if files differed from it; None outside git
    finished: str  # in UTC

    def repeatable(self) -> dict[str, object]:
        """Give what a second run of the same commit has in common: the notebook keeps it."""
        once = ("seconds", "memory", "device", "machine", "commit", "finished")
        return {name: value for name, value in asdict(self).items() if name not in once}


def ask(notebook: NotebookNode, parameters: Mapping[str, Value]) -> None:
    """Add a last cell to a chapter, in place, that tells what only its kernel knows.

    That is, among others, the parameters whose comment ends in the unit ``; count``.
    """
    said = {name: found["help"] for name, found in papermill.inspect_notebook(notebook).items()}
    counts = {
        name: value
        for name, value in parameters.items()
        if said[name].rpartition(";")[2].strip() == "count"
    }
    notebook.cells.append(new_code_cell(f"COUNTS = {counts!r}\n{_EPILOGUE}"))


def answer(executed: NotebookNode, root: Path) -> tuple[dict[str, Any], list[Path]]:
    """Take the answer of `ask` out of an executed chapter, which loses its last cell.

    Beside what only the kernel knew stand the repository's files that it used, relative to it:
    modules that it had imported, and stored results that it asked for, there or not. If the package
    that ran is that of another folder, that is a ChapterError.
    """
    told: dict[str, Any] = json.loads(executed.cells.pop().outputs[0].text)
    root, environment = root.resolve(), Path(sys.prefix).resolve()
    imported = {name: Path(file).resolve() for name, file in told.pop("files").items()}
    for name, file in imported.items():
        if name.partition(".")[0] == "meta_bandit":
            _refuse_foreign(name, file, root)
    # PyTorch has modules that name files which are not there
    own = {file for file in imported.values() if file.is_file() and environment not in file.parents}
    own |= {Path(name).resolve() for name in told.pop("read")}
    return told, sorted(file.relative_to(root) for file in own if file.is_relative_to(root))


def ask_first(folder: Path, root: Path) -> None:
    """Refuse, before a chapter runs, a package that its kernel would find in another folder."""
    question = "from importlib.util import find_spec; print(find_spec('meta_bandit').origin)"
    command = [sys.executable, "-c", question]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    # where there is none, the chapter's own words are better than these
    if found.returncode == 0:
        _refuse_foreign("meta_bandit", Path(found.stdout.strip()).resolve(), root.resolve())


def _refuse_foreign(name: str, file: Path, root: Path) -> None:
    if not file.is_relative_to(root):
        raise ChapterError(
            f"the code that runs is not the code of this folder: {name} is {file}, "
            f"the book is built in {root}"
        )


def make_record(
    chapter: Path,
    executed: NotebookNode,
    told: Mapping[str, Any],
    used: Sequence[Path],
    profile: str | None,
    parameters: Mapping[str, Value],
    seconds: float,
) -> Run:
    """Put the record together, with digests of code and data that lie below the current folder."""
    root = Path.cwd()
    used = [*used, *imported_modules(executed, root), *named_data(executed, root)]
    modules = sorted({file for file in used if file.suffix == ".py"})
    return Run(
        chapter=chapter.stem,
        profile=profile,
        parameters=parameters,
        seeds=told["seeds"],
        budget=told["budget"],
        code=_digest([chapter, *modules]),
        modules=len(modules),
        data=snapshot(file for file in used if file.suffix != ".py" and file.is_file()),
        python=platform.python_version(),
        versions={name: importlib.metadata.version(name) for name in _VERSIONS_OF},
        seconds=round(seconds, 2),
        memory=round(told["memory"], 1),
        device=told["device"] or f"cpu, {_processor()}",
        machine=platform.platform(),
        commit=_commit(root),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _digest(files: Sequence[Path]) -> str:
    # of each file's own digest, so that no byte can move unseen from one file to the next
    return hashlib.sha256(json.dumps(list(snapshot(files).values())).encode()).hexdigest()


def _processor() -> str:
    """Name the processor; Python's own ``platform.processor`` knows it on few systems."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _commit(root: Path) -> str | None:
    git = ["git", "-C", str(root)]
    describe = [*git, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    try:
        # an archive may have been unpacked inside a repository that knows nothing of it
        top, said = (
            subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
            for command in ([*git, "rev-parse", "--show-toplevel"], describe)
        )
    except FileNotFoundError:
        return None
    return said if said and top and root.samefile(top) else None
