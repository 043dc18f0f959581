"""A build is killed, or its disk is full: it ends the same, or a sentence says why not."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from book.pages.build import build_html
from book.run.stale import _seen, memory, why
from tests.test_faults import damaged

Tree = Callable[[Path], dict[str, bytes]]
Note = Callable[[str, object], None]

# more take longer: KILLS=20 pytest tests/book/test_faults.py
KILLS = int(os.environ.get("KILLS", "3"))


def start(folder: Path, limit: int | None = None) -> subprocess.Popen[str]:
    """Begin a build as the leader of its own processes; its files may have ``limit`` bytes."""
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    small = (
        None if limit is None else (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2))
    )
    return subprocess.Popen(
        ["make", "-j2", "INSTALLED=", f"PY={sys.executable}", "PROFILE=smoke", "book"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=small,
    )


def at_work(folder: Path) -> list[str]:
    """Commands of the processes, kernels among them, that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(folder):
                found.append((process / "cmdline").read_text())
        except OSError:  # it has just ended, or is another user's
            continue
    return found


def without_counters(content: bytes) -> bytes:
    """Drop from a PDF how Chromium counts parts of a page: it varies on a busy machine."""
    return re.sub(rb"\(node\d+\)", b"", content) if content.startswith(b"%PDF") else content


def without_libzmq(told: str) -> str:
    """Drop what libzmq says now and then of a kernel that ends, when its work is done.

    It asserts that a poll on its own descriptor never finds it closed: github.com/zeromq/libzmq,
    issue 3715.
    """
    return re.sub(r"Assertion failed: .* \(src/signaler\.cpp:\d+\)\n", "", told)


def test_a_build_killed_at_random_moments_ends_with_the_same_pages(
    mini_built: Path, mini: Path, tree: Tree, record_property: Note
) -> None:
    smoke = mini / "_build" / "smoke"
    shutil.rmtree(smoke)
    began = time.perf_counter()
    first = start(mini)
    assert without_libzmq(first.communicate()[1]) == ""
    assert first.returncode == 0
    whole = time.perf_counter() - began
    shutil.rmtree(smoke)
    moments, kills = random.Random(seed := 0), 0
    while kills < KILLS:
        build = start(mini)
        try:
            build.wait(moments.uniform(0, whole))
            # it was faster, and the next one begins from nothing
            shutil.rmtree(smoke)
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            kills += 1
        build.communicate()
    said, wrong = start(mini).communicate()
    assert said.endswith(f"book: {mini}/_build/smoke/html/index.html\n"), wrong
    reference = mini_built / "_build" / "smoke"
    notebooks = sorted((smoke / "executed").glob("*.ipynb"))
    assert [path.name for path in notebooks] == ["first.ipynb", "index.ipynb", "second.ipynb"]
    for notebook in notebooks:
        assert notebook.read_bytes() == (reference / "executed" / notebook.name).read_bytes()
    kept = {path.name for path in smoke.iterdir() if path.suffix != ".log"}
    assert kept == {"executed", "html", "html.inputs.json", "src"}
    deadline = time.monotonic() + 120
    while at_work(mini) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert at_work(mini) == []
    # no two runs take equally long, and their times stand in the pages
    for record in (reference / "executed").glob("*.run.json"):
        shutil.copy(record, smoke / "executed")
    build_html(mini, notebooks, smoke)
    before, after = tree(reference / "html"), tree(smoke / "html")
    assert sorted(before) == sorted(after)
    # Sphinx's digest of its settings, where the folder has another name, and the zip that holds it
    apart = (".buildinfo", "downloads/learning-not-to-learn.zip")
    assert [
        name
        for name in before
        if without_counters(before[name]) != without_counters(after[name]) and name not in apart
    ] == []
    # what is noted is shown on the status page, by benchmarks/faults.py
    noted = {"what": "a book of three pages, killed while it is built", "seed": seed}
    record_property("faults", json.dumps(noted | {"tried": kills, "same": kills, "refused": 0}))


def test_a_damaged_run_of_a_chapter_is_noticed(
    mini: Path, monkeypatch: pytest.MonkeyPatch, record_property: Note
) -> None:
    monkeypatch.chdir(mini)
    target = Path("_build", "smoke", "executed", "first.ipynb")
    rng, noticed, tried = np.random.default_rng(seed := 2), 0, 0
    for path in (target, target.with_suffix(".run.json"), memory(target)):
        content = path.read_bytes()
        for _ in range(60):
            path.write_bytes(damaged(content, rng))
            _seen.cache_clear()
            tried += 1
            if why(target):
                noticed += 1
            else:  # without its last line's end it says the same
                assert (path, path.read_bytes()) == (memory(target), content.rstrip())
        path.write_bytes(content)
    _seen.cache_clear()
    assert why(target) is None
    noted = {"what": "an executed chapter, its record or what it was made from, cut or with "
             "flipped bits (refused: to be run again)", "seed": seed}  # fmt: skip
    counts = {"tried": tried, "same": tried - noticed, "refused": noticed}
    record_property("faults", json.dumps(noted | counts))


# no room for a chapter; none for the pages; none for what the pages need
@pytest.mark.parametrize("limit", [2_000, 40_000, 1_000_000])
def test_a_full_disk_is_told_in_a_sentence_and_the_book_before_stays(
    mini: Path, tree: Tree, limit: int, record_property: Note
) -> None:
    before = tree(mini / "_build" / "smoke" / "html")
    chapter = mini / "book" / "first.md"
    chapter.write_text(chapter.read_text() + "\nOne more line.\n")
    os.utime(chapter, (time.time() + 5,) * 2)
    build = start(mini, limit)
    _, wrong = build.communicate()
    assert build.returncode != 0
    assert "error: " in wrong
    assert "File too large" in wrong
    assert "Traceback" not in wrong
    assert tree(mini / "_build" / "smoke" / "html") == before
    assert list((mini / "_build" / "smoke").glob(".html-*")) == []
    noted = {"what": "a book without room on its disk", "tried": 1, "same": 0, "refused": 1}
    record_property("faults", json.dumps(noted))
