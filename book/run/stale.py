"""What has to be made again, by content alone: ``python -m book.run.stale _build/PROFILE``.

Make asks it before anything runs, with whatever Python there is: the standard library is enough.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

EXECUTE = [
    *(Path("book/run", f"{name}.py") for name in ("chapter", "execute", "record", "stale")),
    Path("meta_bandit/files.py"),
    Path("requirements.lock"),
]
"""What every executed chapter is made with."""

_LISTED = re.compile(r"^[- ]*(?:file|root): *(book/\S+)", re.MULTILINE)
LEFT_BY_EDITORS = (".*", "*~", "#*#", "__pycache__")
"""Patterns of names: hidden files, an editor's locks and copies, and what Python leaves."""


def snapshot(files: Iterable[Path]) -> dict[str, str | None]:
    """Take the SHA-256 of files, None for one that is not there, by path."""
    return {str(file): _digest(file) for file in sorted(set(files))}


def _digest(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


# within one look at the tree many chapters ask for the same files
_seen = cache(_digest)


def memory(target: Path) -> Path:
    """Name the file that says what a target was made from."""
    kept = target.parent if target.name == "index.html" else target
    return kept.with_suffix(".inputs.json")


def remember(target: Path, made: Iterable[Path], inputs: Mapping[str, str | None]) -> str:
    """Give the text for `memory`, to be written after all that was made.

    For the target to be whole, all that was made has to be as it is now. The inputs are a
    `snapshot` from before the making began.
    """
    known = {"made": snapshot([target, *made]), "inputs": dict(inputs)}
    return json.dumps(known, indent=1) + "\n"


def why(target: Path, inputs: Sequence[Path] | None = None) -> str | None:
    """Say why a target has to be made again, or None if nothing changed.

    The inputs are what it would be made from now; left out, what it was made from.
    """
    if not target.is_file():
        return "not there yet"
    try:
        known = json.loads(memory(target).read_text(encoding="utf-8"))
        made, before = known["made"], known["inputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return "nothing says what it was made from"
    changed = [name for name, digest in {**before, **made}.items() if _seen(Path(name)) != digest]
    if inputs is not None:
        changed += sorted(set(before) ^ set(map(str, inputs)))
    return f"changed: {' '.join(dict.fromkeys(changed))}" if changed else None


def listed(root: Path) -> list[Path]:
    """Find the pages that ``_toc.yml`` names, relative to ``root``, there or not."""
    return [Path(f"{name}.md") for name in _LISTED.findall((root / "_toc.yml").read_text("utf-8"))]


def strays(root: Path) -> list[str]:
    """Complain about pages that the book would lack, or that end its build late.

    What git ignores in the repository, and what editors leave, is ignored here too.
    """
    wanted = listed(root)
    files = [file.relative_to(root) for file in _files(root / "book")]
    pages = [file for file in files if file.suffix in (".md", ".rst") and file not in wanted]
    names = [str(page) for page in pages if page.parts[1] not in ("results", "run", "pages")]
    command = ["git", "-C", str(root), "check-ignore", "-z", "--stdin"]
    try:
        said = subprocess.run(command, input="\0".join(names), capture_output=True, text=True)
        ignored = set(said.stdout.split("\0"))
    except OSError:
        ignored = set()
    advice = "is not in _toc.yml: add it there, or move it out of book/"
    spaced = "has a space in its name, which no address of a page can have: rename it"
    found = [f"{name} {spaced if ' ' in name else advice}" for name in names if name not in ignored]
    return found + [f"{page} is in _toc.yml, but not there" for page in wanted
                    if not (root / page).is_file()]  # fmt: skip


def _files(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    left = re.compile("|".join(map(fnmatch.translate, LEFT_BY_EDITORS)))
    return [file for file in files if not any(map(left.match, file.relative_to(folder).parts))]


def page_inputs(root: Path, notebooks: Sequence[Path]) -> list[Path]:
    """List what the pages are made from, besides the executed chapters.

    The reference shows the code, and the index of results names the tests.
    """
    results, chapters = root / "book" / "results", {f"{file.stem}.md" for file in notebooks}
    book = [file for file in _files(root / "book")
            if results not in file.parents and file.suffix not in (".md", ".ipynb")]  # fmt: skip
    pages = [root / page for page in listed(root) if page.name not in chapters]
    tests = _files(root / "tests") if (root / "tests").is_dir() else []
    checks = [
        test for test in tests if test.suffix == ".py" and b"mark.checks" in test.read_bytes()
    ]
    code = [file for file in _files(root / "meta_bandit") if file.suffix == ".py"]
    named = ("_config.yml", "_toc.yml", "CITATION.cff", "benchmarks/results/faults.json")
    settings = [root / name for name in named]
    found = [file.relative_to(root) for file in (*book, *pages, *checks, *code, *settings)]
    made = [file.with_suffix(end) for file in notebooks for end in (".ipynb", ".run.json")]
    return [file for file in found if file not in EXECUTE] + made


def main(arguments: Sequence[str]) -> int:
    """Print for Make each stale target with its reason, or complain about what lies in ``book/``.

    The arguments are ``--strays``, or the folder of the build and the names of its chapters.
    """
    if arguments[0] == "--strays":
        for complaint in (found := strays(Path.cwd())):
            print(f"error: {complaint}", file=sys.stderr)
        return 2 if found else 0
    folder, chapters = Path(arguments[0]), arguments[1:]
    notebooks = [folder / "executed" / f"{name}.ipynb" for name in chapters]
    stale = {target: reason for target in notebooks if (reason := why(target))}
    index = folder / "html" / "index.html"
    again = f"changed: {' '.join(map(str, stale))}" if stale and index.is_file() else None
    if reason := again or why(index, page_inputs(Path(), notebooks)):
        stale[index] = reason
    for target, reason in stale.items():
        # one word for Make, and nothing in it that the shell would take for its own
        print(f"{target}={re.sub('[^A-Za-z0-9_./:|-]', '?', reason.replace(' ', '|'))}")
    print("checked")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
