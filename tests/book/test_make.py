"""What Make runs again, what it leaves alone, and what a failure leaves behind."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from book.pages.build import stage
from book.pages.launch import launch_settings, public_address

Make = Callable[..., "CompletedProcess[str]"]
Tree = Callable[[Path], dict[str, bytes]]
ALL = {"index", "first", "second"}
ROOT = Path(__file__).resolve().parents[2]
LOCALES = [("C", "ANSI_X3.4-1968")]
# Debian's package locales says what it is made from
if Path("/usr/share/i18n/locales/en_US").exists():
    LOCALES.append(("en_US.ISO-8859-1", "ISO-8859-1"))


def edit(path: Path) -> None:
    """Change the content and leave the time, which must not matter."""
    before = path.stat()
    path.write_bytes(path.read_bytes() + b"\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def would_run(done: CompletedProcess[str]) -> set[str]:
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"(\w+): running, because", done.stdout))


def test_nothing_changed_nothing_runs(mini: Path, make: Make) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = make(mini, "book")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # seconds of the processor: by the clock, a busy machine would take longer
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
    assert done.stdout == f"book: {mini}/_build/smoke/html/index.html\n"


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ("book/second.md", {"second"}),
        ("meta_bandit/lazy.py", {"first"}),
        ("meta_bandit/base.py", {"second"}),
        ("meta_bandit/__init__.py", {"first", "second"}),
        ("book/results/table.csv", {"second"}),
        ("book/results/unused.csv", set()),
        ("requirements.lock", ALL),
        ("book/run/execute.py", ALL),
        ("book/pages/sphinx_ext.py", set()),
        ("book/references.bib", set()),
        ("book/anchors.txt", set()),
        ("CITATION.cff", set()),
        # no chapter uses it, but the reference may show it
        ("meta_bandit/unused.py", set()),
        ("book/pages/derivations.py", set()),
        ("_config.yml", set()),
    ],
)
def test_exactly_what_depends_on_a_change_runs(
    mini: Path, make: Make, changed: str, runs: set[str]
) -> None:
    edit(mini / changed)
    done = make(mini, "-n", "book")
    assert would_run(done) == runs
    pages = "pages: building, because" in done.stdout
    assert pages == (not changed.endswith("unused.csv"))


def test_times_say_nothing(mini: Path, make: Make) -> None:
    for number, path in enumerate(sorted(path for path in mini.rglob("*") if path.is_file())):
        when = 0 if number % 2 else time.time() + 1e6
        os.utime(path, (when, when))
    assert make(mini, "book").stdout == f"book: {mini}/_build/smoke/html/index.html\n"
    assert would_run(make(mini, "-n", "book")) == set()


@pytest.mark.parametrize("lost", ["first.inputs.json", "first.run.json", "first.ipynb"])
def test_a_run_that_was_killed_while_it_wrote_is_done_again(
    mini: Path, make: Make, lost: str
) -> None:
    (mini / "_build" / "smoke" / "executed" / lost).unlink()
    assert would_run(make(mini, "-n", "book")) == {"first"}


def test_an_executed_chapter_that_somebody_changed_is_made_again(mini: Path, make: Make) -> None:
    edit(mini / "_build" / "smoke" / "executed" / "first.ipynb")
    assert would_run(make(mini, "-n", "book")) == {"first"}


def test_pages_that_were_not_finished_are_built_again(mini: Path, make: Make) -> None:
    (mini / "_build" / "smoke" / "html.inputs.json").unlink()
    done = make(mini, "-n", "book")
    assert "pages: building, because nothing says what it was made from" in done.stdout


def test_a_moved_book_is_not_run_again(mini: Path, make: Make) -> None:
    moved = mini.rename(mini.with_name("moved"))
    assert would_run(make(moved, "-n", "book")) == set()


def test_a_deleted_module_reruns_what_used_it(mini: Path, make: Make) -> None:
    (mini / "meta_bandit" / "base.py").unlink()
    assert would_run(make(mini, "-n", "book")) == {"second"}


def test_a_run_says_why_and_how_long(mini: Path, make: Make) -> None:
    edit(mini / "book" / "second.md")
    done = make(mini, "executed")
    assert "second: running, because changed: book/second.md\n" in done.stdout
    assert re.search(r"second: executed in \d+\.\d s\n", done.stdout)


def test_a_failing_chapter_leaves_the_book_before_it(mini: Path, make: Make, tree: Tree) -> None:
    before = tree(mini / "_build")
    chapter = mini / "book" / "second.md"
    chapter.write_text(chapter.read_text().replace("inner.VALUE + seed", "1 / seed"))
    done = make(mini, "book")
    assert done.returncode != 0
    assert "book/second.md:24: cell 3, In [2], raised ZeroDivisionError" in done.stderr
    assert tree(mini / "_build") == before


def test_a_broken_page_leaves_the_book_before_it(mini: Path, make: Make, tree: Tree) -> None:
    before = tree(mini / "_build" / "smoke" / "html")
    chapter = mini / "book" / "second.md"
    chapter.write_text(chapter.read_text().replace("$x^2$", "{eq}`eq-nowhere`"))
    done = make(mini, "book")
    assert done.returncode != 0
    assert re.search(r"^book/second\.ipynb: cell 1, .*eq-nowhere", done.stderr, re.MULTILINE)
    assert tree(mini / "_build" / "smoke" / "html") == before
    kept = [path for path in (mini / "_build" / "smoke").iterdir() if path.suffix != ".log"]
    assert sorted(path.name for path in kept) == ["executed", "html", "html.inputs.json", "src"]


def test_what_editors_leave_is_no_page(mini: Path, make: Make) -> None:
    (mini / "book" / ".#first.md").symlink_to("someone@somewhere.123:456")
    # the last is a copy of a lock, by a program that does not keep links
    for name in ("._first.md", "first.md~", "#first.md#", ".#second.md"):
        (mini / "book" / name).write_bytes(b"\x00\xff")
    assert make(mini, "book").stdout == f"book: {mini}/_build/smoke/html/index.html\n"
    edit(mini / "book" / "status.md")
    done = make(mini, "book")
    assert done.returncode == 0, done.stderr
    assert "running" not in done.stdout


@pytest.mark.parametrize(
    ("name", "advice"),
    [("my first.md", "has a space in its name"), ("third.md", "is not in _toc.yml")],
)
def test_what_belongs_to_no_page_is_named_before_anything_runs(
    mini: Path, make: Make, name: str, advice: str
) -> None:
    chapter = mini / "book" / name
    chapter.write_text((mini / "book" / "second.md").read_text())
    edit(mini / "book" / "first.md")
    done = make(mini, "book")
    assert done.returncode != 0
    assert f"error: book/{name} {advice}" in done.stderr
    assert "running" not in done.stdout
    # what git would not track is no page
    subprocess.run(["git", "init", "-q", str(mini)], check=True)
    (mini / ".gitignore").write_text(f"{name}\n")
    assert make(mini, "book").returncode == 0


def test_a_page_that_is_not_there_is_named_before_anything_runs(mini: Path, make: Make) -> None:
    (mini / "book" / "status.md").unlink()
    edit(mini / "book" / "first.md")
    done = make(mini, "book")
    assert "error: book/status.md is in _toc.yml, but not there" in done.stderr
    assert "running" not in done.stdout


def test_a_book_is_made_without_git(
    mini: Path, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs := tmp_path / "bin").mkdir()
    for program in (path for folder in os.get_exec_path() for path in Path(folder).glob("[!.]*")):
        if not program.name.startswith("git") and not (programs / program.name).exists():
            (programs / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(programs))
    assert shutil.which("git") is None
    (mini / "book" / "third.md").write_text("not a page")
    assert "error: book/third.md is not in _toc.yml" in make(mini, "book").stderr
    (mini / "book" / "third.md").unlink()
    edit(mini / "book" / "second.md")
    done = make(mini, "book")
    assert done.returncode == 0, done.stderr
    assert "second: executed in" in done.stdout
    assert done.stderr == ""


def test_a_port_in_use_is_told_in_a_sentence(mini: Path, make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = make(mini, "serve", f"PORT={port}")
    assert done.returncode != 0
    assert f"error: port {port} is in use: name another" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("locale", "encoding"), LOCALES)
def test_a_book_is_made_in_every_locale(
    mini: Path,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    locale: str,
    encoding: str,
) -> None:
    if locale != "C":
        compiled = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(tmp_path / locale)]
        subprocess.run(compiled, check=True)
        monkeypatch.setenv("LOCPATH", str(tmp_path))
    for name, value in (("LC_ALL", locale), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    ask = [sys.executable, "-c", "import locale; print(locale.getencoding())"]
    assert subprocess.check_output(ask, text=True).strip() == encoding
    chapter = mini / "book" / "second.md"
    text = chapter.read_text(encoding="utf-8").replace("Only data", "Données α, β")
    # some editors begin a file with a byte order mark
    for path, content in ((chapter, text), (page := mini / "book" / "status.md", page.read_text())):
        path.write_text(content, encoding="utf-8-sig")
    done = make(mini, "book")
    assert done.returncode == 0, done.stderr
    made = mini / "_build" / "smoke" / "html" / "book" / "second.html"
    assert "Données α, β" in made.read_text(encoding="utf-8")


def test_a_chapter_can_be_run_with_other_values(mini: Path, make: Make) -> None:
    values = "slope = -1e0 levels=[1, 2.5] label=it's $x `y`"
    done = make(mini, "chapter", "CHAPTER=first", f"PARAMS={values}")
    assert done.returncode == 0, done.stderr
    made = mini / "_build" / "chapter" / "first.ipynb"
    assert done.stdout.endswith(f"notebook: {made}\n")
    text = made.read_text()
    for said in ("slope = -1.0", "levels = [1.0, 2.5]", 'label = \\"it\'s $x `y`\\"'):
        assert said in text, said
    before = made.read_bytes()
    again = make(mini, "chapter", "CHAPTER=first", "PARAMS=slope=2.5")
    assert again.returncode != 0
    assert "_build/chapter/first.ipynb: is there, and stays: OUT=another.ipynb" in again.stderr
    assert made.read_bytes() == before
    done = make(mini, "chapter", "CHAPTER=first", "PARAMS=slope=2.5", "OUT=my own/run.ipynb")
    assert done.stdout.endswith(f"notebook: {mini}/my own/run.ipynb\n"), done.stderr
    assert "slope = 2.5" in (mini / "my own" / "run.ipynb").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("PARAMS=profile=fast",), "'profile': 'fast' must be one of smoke, quick, paper"),
        (("PARAMS=slope",), "'slope' must be NAME=VALUE"),
        (("PROFILE=fast",), "PROFILE=fast: must be smoke, quick or paper"),
        (("PROFILE=../quick",), "PROFILE=../quick: must be smoke, quick or paper"),
        (("PROFILE=smoke quick",), "PROFILE=smoke quick: must be smoke, quick or paper"),
    ],
)
def test_a_word_that_is_not_known_is_refused_before_anything_runs(
    mini: Path, make: Make, given: tuple[str, ...], message: str
) -> None:
    done = make(mini, "chapter", "CHAPTER=first", *given)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (mini / "_build" / "chapter").exists()


def test_a_chapter_has_to_be_named(mini: Path, make: Make) -> None:
    done = make(mini, "chapter")
    assert done.returncode != 0
    assert "make chapter CHAPTER=NAME, one of: first index second" in done.stderr


def test_notebooks_for_jupyter_are_not_executed(mini: Path, make: Make) -> None:
    before = (mini / "book" / "first.md").read_bytes()
    assert make(mini, "notebooks").returncode == 0
    assert {path.stem for path in (mini / "notebooks").iterdir()} == ALL
    made = mini / "notebooks" / "first.ipynb"
    assert '"output_type"' not in made.read_text()
    assert (mini / "book" / "first.md").read_bytes() == before
    # by content: what is the same is not written again, and what is not is, whatever the times
    times = {path: path.stat().st_mtime_ns for path in made.parent.iterdir()}
    (mini / "book" / "first.md").write_bytes(before.replace(b"The first chapter", b"Another"))
    os.utime(mini / "book" / "first.md", (0, 0))
    assert make(mini, "notebooks").stderr == ""
    assert "Another" in made.read_text()
    assert [path for path in times if path.stat().st_mtime_ns != times[path]] == [made]


def test_a_notebook_that_a_reader_changed_stays(mini: Path, make: Make) -> None:
    assert make(mini, "notebooks").returncode == 0
    mine, other = mini / "notebooks" / "first.ipynb", mini / "notebooks" / "second.ipynb"
    mine.write_text(mine.read_text().replace("The first chapter", "My own words"))
    own = mini / "notebooks" / "own.ipynb"
    own.write_text("{}")
    for name in ("first", "second"):
        chapter = mini / "book" / f"{name}.md"
        chapter.write_text(chapter.read_text() + "\nOne more line.\n")
    done = make(mini, "notebooks")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("and stays; FORCE=1") == 1
    assert "notebooks/first.ipynb: was changed or run since" in done.stderr
    assert "My own words" in mine.read_text()
    assert "One more line." in other.read_text()
    done = make(mini, "clean")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (mini / "notebooks").iterdir()} == {"first.ipynb", "own.ipynb"}
    assert "My own words" in mine.read_text()
    assert not (mini / "_build").exists()
    assert make(mini, "notebooks").returncode == 0
    assert "My own words" in mine.read_text()
    assert make(mini, "notebooks", "FORCE=1").returncode == 0
    assert "One more line." in mine.read_text()
    own.unlink()
    assert make(mini, "clean").stderr == ""
    assert not (mini / "notebooks").exists()


def test_a_run_that_a_reader_changed_stays(mini: Path, make: Make) -> None:
    runs = mini / "_build" / "chapter"
    runs.mkdir()
    (runs / "mine.ipynb").write_text("a reader's")
    assert make(mini, "chapter", "CHAPTER=second").returncode == 0
    assert make(mini, "clean").returncode == 0
    assert [path.name for path in (mini / "_build").rglob("*")] == ["chapter", "mine.ipynb"]
    assert make(mini, "clean", "FORCE=1").stderr == ""
    assert not (mini / "_build").exists()


def test_help_is_the_default_and_lists_every_target(mini: Path, make: Make) -> None:
    done = make(mini)
    declared = re.findall(r"^\.PHONY: ([a-z].+)$", (mini / "Makefile").read_text(), re.MULTILINE)
    assert done.returncode == 0
    for target in " ".join(declared).split():
        assert re.search(rf"^  {target} ", done.stdout, re.MULTILINE), target


def test_each_chapter_opens_on_binder_and_colab_where_the_address_of_the_repository_is_known(
    mini: Path, make: Make
) -> None:
    with (mini / "CITATION.cff").open("a") as stream:
        stream.write("\nrepository-code: https://github.com/someone/companion\n")
    done = make(mini, "book")
    assert done.returncode == 0, done.stderr
    pages = mini / "_build" / "smoke" / "html" / "book"
    binder = "https://mybinder.org/v2/gh/someone/companion/HEAD?urlpath=lab/tree/book/"
    colab = "https://colab.research.google.com/github/someone/companion/blob/notebooks/"
    for name in ("index", "first", "second"):
        text = (pages / f"{name}.html").read_text()
        assert re.findall(r'href="(https://mybinder[^"]*)"', text) == [f"{binder}{name}.ipynb"]
        assert re.findall(r'href="(https://colab[^"]*)"', text) == [f"{colab}{name}.ipynb"]
    assert "mybinder" not in (pages / "status.html").read_text()


def test_without_an_address_there_is_no_button(mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    stage(mini, [], mini / "src")
    assert (mini / "src" / "_config.yml").read_text() == (mini / "_config.yml").read_text()
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/fork")
    assert public_address(mini) == "https://github.com/someone/fork"
    # Colab opens what is on GitHub alone
    assert "colab.research" not in launch_settings("https://codeberg.org/someone/companion")


def test_what_binder_runs_lays_the_notebooks_where_the_buttons_look(
    mini_source: Path, tmp_path: Path
) -> None:
    mini = Path(shutil.copytree(mini_source, tmp_path / "mini"))
    for name in ("postBuild", "jupytext.toml"):
        shutil.copy2(ROOT / name, mini)
    programs = tmp_path / "bin"
    programs.mkdir()
    # nothing is installed from here
    (programs / "pip").write_text(f'#!/bin/sh\necho "$*" > "{tmp_path}/asked"\n')
    (programs / "pip").chmod(0o755)
    outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    path = (str(programs), str(Path(sys.executable).parent), os.environ["PATH"])
    environment["PATH"] = os.pathsep.join(path)
    subprocess.run(["./postBuild"], cwd=mini, env=environment, check=True, capture_output=True)
    assert (tmp_path / "asked").read_text().split()[-2:] == ["-e", "."]
    made = {path.name for path in (mini / "book").glob("*.ipynb")}
    assert made == {"index.ipynb", "first.ipynb", "second.ipynb"}
