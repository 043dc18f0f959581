"""A book of three small chapters, Make to build it with, and Chromium to read the real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, expect, sync_playwright

from book.pages.downloads import find_browser
from book.run.execute import prepare_environment
from tests.book.chromium import FLAGS, QuietHandler
from tests.book.pages import HTML

ROOT = Path(__file__).resolve().parents[2]
MINI = Path(__file__).parent / "mini"

# nbval starts its kernels from this process, and they must be like those that made the book
prepare_environment()

# milliseconds, as for all else that Playwright waits for: a busy machine may take long
expect.set_options(timeout=30_000)

Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def mini_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository: the real Makefile and tools, but other chapters."""
    folder = tmp_path_factory.mktemp("mini")
    shutil.copytree(MINI, folder, dirs_exist_ok=True)
    for name in ("Makefile", "_config.yml", "CITATION.cff", "requirements.lock", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("run", "pages", "assets"):
        shutil.copytree(ROOT / "book" / name, folder / "book" / name)
    for name in ("references.bib", "status.md"):
        shutil.copy2(ROOT / "book" / name, folder / "book")
    # the one module of the package that the tools use
    shutil.copy2(ROOT / "meta_bandit" / "files.py", folder / "meta_bandit")
    return folder


@pytest.fixture(scope="session")
def mini_built(
    mini_source: Path, make: Make, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """The small repository after ``make book``; tests work on copies.

    Where several processes share the tests, the first that needs it makes it for all.
    """
    own = tmp_path_factory.getbasetemp()
    built = (own if worker_id == "master" else own.parent) / "built"
    with FileLock(built.with_suffix(".lock")):
        if not built.exists():
            done = make(mini_source, "book", f"CHROMIUM={find_browser() or ''}")
            assert done.returncode == 0, done.stderr
            # all of it or nothing
            Path(shutil.copytree(mini_source, own / "copied")).rename(built)
    return built


@pytest.fixture
def mini(mini_built: Path, tmp_path: Path) -> Path:
    """A copy of the built small repository, to change at will."""
    return Path(shutil.copytree(mini_built, tmp_path / "mini"))


@pytest.fixture(scope="session")
def make() -> Make:
    """Run Make in a folder, with this Python instead of a ``.venv`` of that folder's own.

    No PDF is printed, unless an argument names ``CHROMIUM``: it takes as long as all the rest.
    """

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "-j2", "INSTALLED=", f"PY={sys.executable}", "PROFILE=smoke", *arguments]
        # an outer make's flags and its jobserver are not ours to use
        outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
        environment = {name: value for name, value in os.environ.items() if name not in outer}
        environment |= {"PYTHONPATH": str(folder), "CHROMIUM": ""}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    return run


def tree(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder, by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files)}


@pytest.fixture(name="tree")
def tree_fixture() -> Callable[[Path], dict[str, bytes]]:
    """Let tests compare whole folders."""
    return tree


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the built book is served, on this machine."""
    handler = partial(QuietHandler, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, with every other host out of reach."""
    missing = None
    if not (chromium := find_browser()):
        missing = "no Chromium on this machine: install Debian's package chromium"
    elif not HTML.is_dir():
        missing = f"no book in {HTML.relative_to(ROOT)}: run make book first"
    if missing and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {missing}")
    if missing:
        pytest.skip(missing)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()
