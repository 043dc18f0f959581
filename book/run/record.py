"""What a run of a chapter leaves: what it used, with what it was made, and at what cost."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
    # nbclient takes long to look through one long line
    print(json.dumps(indent=0, obj={
        "seeds": [seed for seed in seeds if seed is not None],
        "budget": budget,
        "memory": max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024,
        "files": {name: file for name, file in files.items() if isinstance(file, str)},
        "read": [str(path) for path in read],
        "device": f"cuda, {torch.cuda.get_device_name()}" if on_gpu else None,
    }))


_tell()
'''


def usable(root: Path) -> list[Path]:
    """Find the modules and stored results under ``root`` of which a chapter may use some."""
    folders = ("meta_bandit", "book/results", "benchmarks/results")
    files = (file for folder in folders for file in (root / folder).rglob("*") if file.is_file())
    return [file.relative_to(root) for file in files if file.suffix != ".pyc"]


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
    code: str  # SHA-256 of the chapter and of this repository's modules that it imported
    modules: int  # how many those are
    data: Mapping[str, str | None]  # SHA-256 by file, of the stored results that it asked for
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


def take_record(
    executed: NotebookNode,
    chapter: Path,
    profile: str | None,
    parameters: Mapping[str, Value],
    seconds: float,
) -> tuple[Run, list[Path]]:
    """Take the answer to `ask` out of an executed chapter, which loses its last cell.

    Beside the record stand the files below the current folder that the chapter used: modules that
    it had imported, and stored results that it asked for, there or not. If the package that ran is
    that of another folder, that is a ChapterError.
    """
    told: dict[str, Any] = json.loads(executed.cells.pop().outputs[0].text)
    root, environment = Path.cwd().resolve(), Path(sys.prefix).resolve()
    imported = {name: Path(file).resolve() for name, file in told["files"].items()}
    for name, file in imported.items():
        if name.partition(".")[0] == "meta_bandit":
            _refuse_foreign(name, file, root)
    # PyTorch has modules that name files which are not there
    own = {file for file in imported.values() if file.is_file() and environment not in file.parents}
    # what a module compiles from C counts as the modules beside it
    folders = {file.parent for file in own if file.is_relative_to(root)}
    own |= {source for folder in folders for source in folder.glob("*.c")}
    own |= {Path(name).resolve() for name in told["read"]}
    used = sorted(file.relative_to(root) for file in own if file.is_relative_to(root))
    modules = [file for file in used if file.suffix in (".py", ".c")]
    run = Run(
        chapter=chapter.stem,
        profile=profile,
        parameters=parameters,
        seeds=told["seeds"],
        budget=told["budget"],
        code=_digest([chapter, *modules]),
        modules=len(modules),
        data=snapshot(file for file in used if file not in modules and file.is_file()),
        python=platform.python_version(),
        versions={name: importlib.metadata.version(name) for name in _VERSIONS_OF},
        seconds=round(seconds, 2),
        memory=round(told["memory"], 1),
        device=told["device"] or f"cpu, {_processor()}",
        machine=platform.platform(),
        commit=_commit(root),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return run, used


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
    describe = ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"]
    # an archive may have been unpacked inside a repository that knows nothing of it
    own = os.environ | {"GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    try:
        said = subprocess.run(describe, cwd=root, env=own, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return said.stdout.strip() or None
