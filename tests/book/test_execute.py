"""One chapter: what is refused before it runs, what a failure leaves, what a run writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from difflib import ndiff
from pathlib import Path

import jupytext
import jupytext.config
import nbformat
import papermill
import pytest

from book.pages.launch import first_cell
from book.run.chapter import (
    ChapterError,
    allowed_words,
    check_parameters,
    default_parameters,
    keep_unchanged,
    read_chapter,
    split_parameters,
)
from book.run.execute import execute_chapter, main
from book.run.record import _commit

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [
    path for path in sorted((ROOT / "book").glob("*.md")) if "kernelspec:" in path.read_text()
]


@pytest.fixture
def first(mini_source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # the kernel and the depfile look for modules from here
    monkeypatch.chdir(mini_source)
    monkeypatch.setenv("PYTHONPATH", str(mini_source))
    return Path("book/first.md")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_one_cell_of_commented_parameters(chapter: Path) -> None:
    notebook = read_chapter(chapter)
    assert "seed" in default_parameters(notebook)
    cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    lines = [line for line in cell.source.splitlines() if line and not line.startswith("#")]
    assert all("  # " in line for line in lines), "say for each parameter what it is, and its unit"
    words = allowed_words(notebook)
    for name, default in default_parameters(notebook).items():
        values = default if isinstance(default, list) else [default]
        texts = {value for value in values if isinstance(value, str)}
        assert texts <= set(words.get(name, [])), f"{name}: end its comment in '; one of A, B'"


@pytest.mark.parametrize(("failures", "kept"), [(2, True), (3, False)])
def test_a_kernel_that_finds_a_port_taken_is_started_anew(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, kept: bool
) -> None:
    real, calls = papermill.execute_notebook, []

    def start(*given, **named):
        calls.append(given)
        if len(calls) <= failures:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return real(*given, **named)

    monkeypatch.setattr(papermill, "execute_notebook", start)
    output = tmp_path / "out.ipynb"
    if kept:
        execute_chapter(first, output)
    else:
        with pytest.raises(RuntimeError, match="Kernel died before"):
            execute_chapter(first, output)
    assert (len(calls), output.exists()) == (3, kept)


@pytest.mark.parametrize("count", [0, 2])
def test_a_chapter_without_exactly_one_parameters_cell_is_refused(
    first: Path, tmp_path: Path, count: int
) -> None:
    text = first.read_text()
    cell = "```{code-cell} ipython3\n:tags: [parameters]\n\nseed = 0\n```\n"
    chapter = tmp_path / "odd.md"
    chapter.write_text(text.replace("[parameters]", "[other]") + "\n" + cell * count)
    with pytest.raises(ChapterError, match=rf"odd\.md: {count} cells are tagged 'parameters'"):
        read_chapter(chapter)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("slope=3", 3.0),
        ("slope=-1e-3", -1e-3),
        ("slope=-1e0", -1.0),
        ("slope = -1.", -1.0),
        ("steps=7", 7),
        ("steps=20_000", 20_000),
        ("label=7", "7"),
        ("label=it's", "it's"),
        ("label='a = b'", "a = b"),
        ('label="it\'s, or steps = 2"', "it's, or steps = 2"),
        ("label=two words: $x, or [", "two words: $x, or ["),
        ("label=", ""),
        ("dark=true", True),
        ("dark=False", False),
        ("levels=[1, 2.5]", [1.0, 2.5]),
        ("levels=[ 1e0,\n -2.5 ]", [1.0, -2.5]),
        ("levels=[]", []),
        ("{label: 'a levels=[1]'}", "a levels=[1]"),
        ("{levels: [1, 2]}", [1.0, 2.0]),
    ],
)
def test_a_value_takes_the_kind_of_its_default(first: Path, text: str, value: object) -> None:
    (parsed,) = check_parameters(
        default_parameters(read_chapter(first)), split_parameters(text)
    ).values()
    assert repr(parsed) == repr(value)


def test_several_values_are_taken_apart() -> None:
    text = "slope = -1e0 levels=[1, 2.5]  label=it's so\tdark=true seed='a b=c'"
    assert split_parameters(text) == {
        "slope": "-1e0",
        "levels": "[1, 2.5]",
        "label": "it's so",
        "dark": "true",
        "seed": "'a b=c'",
    }
    assert split_parameters("{slope: -1e0, label: it's, levels: [1, 2]}") == {
        "slope": "-1e0",
        "label": "it's",
        "levels": "[1, 2]",
    }
    assert split_parameters(" ") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slope", "must be NAME=VALUE"),
        ("3 slope=1", "must be NAME=VALUE"),
        ("=3", "must be NAME=VALUE"),
        ("slope=1 slope=2", "'slope' is given twice"),
        ("{slope: 1", "are no YAML"),
    ],
)
def test_what_is_no_parameters_is_refused(text: str, message: str) -> None:
    with pytest.raises(ChapterError, match=message):
        split_parameters(text)


def test_a_word_that_is_not_allowed_is_refused_with_those_that_are(first: Path) -> None:
    notebook = read_chapter(first)
    defaults, words = default_parameters(notebook), allowed_words(notebook)
    assert check_parameters(defaults, {"profile": "smoke"}, words) == {"profile": "smoke"}
    with pytest.raises(ChapterError, match="'fast' must be one of smoke, quick, paper"):
        check_parameters(defaults, {"profile": "fast"}, words)
    words = {"levels": ["a", "b"]}
    with pytest.raises(ChapterError, match="must be one of a, b"):
        check_parameters({"levels": ["a"]}, {"levels": "[a, c]"}, words)


def test_the_record_has_the_profile_that_ran(first: Path, tmp_path: Path) -> None:
    run = execute_chapter(first, tmp_path / "out.ipynb", {"profile": "smoke"}, profile="quick")
    assert (run.profile, run.parameters["profile"]) == ("smoke", "smoke")


def test_a_notebook_that_is_there_stays(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.ipynb"
    output.write_text("a reader's")
    second = str(first.with_name("second.md"))
    assert main([second, str(output)]) == 1
    assert "out.ipynb: is there, and stays" in capsys.readouterr().err
    assert output.read_text() == "a reader's"
    assert main([second, str(output), "--force"]) == 0
    nbformat.read(output, as_version=4)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("slope=steep", "float"),
        ("slope=[1.0]", "float"),
        ("steps=2.5", "int"),
        ("steps=true", "int"),
        ("dark=1", "bool"),
        ("levels=1.0", "list"),
        ("levels=['a']", "list"),
        ("levels=[True]", "list"),
        ("levels=(", "list"),
        ("levels=[1, two]", "list"),
    ],
)
def test_a_value_of_another_kind_is_refused_before_anything_runs(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, kind: str
) -> None:
    output = tmp_path / "out.ipynb"
    name, given = text.split("=")
    assert main([str(first), str(output), f"--parameters={text}"]) == 1
    message = capsys.readouterr().err
    for part in (str(first), repr(name), repr(given), f"kind {kind}"):
        assert part in message
    assert not list(tmp_path.iterdir())


def test_an_unknown_parameter_is_refused_with_the_names_that_exist(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(first), str(tmp_path / "out.ipynb"), "--parameters=slop=3"]) == 1
    message = capsys.readouterr().err
    assert "unknown parameter 'slop' (given '3')" in message
    assert "slope, steps, label, dark, levels, profile" in message
    assert not list(tmp_path.iterdir())


def test_a_default_that_is_no_plain_value_is_refused(first: Path, tmp_path: Path) -> None:
    chapter = tmp_path / "odd.md"
    chapter.write_text(first.read_text().replace("slope = 2.0 ", "slope = max(1, 2) "))
    with pytest.raises(ChapterError, match=r"odd\.md: parameter 'slope'.*not a plain value"):
        execute_chapter(chapter, tmp_path / "out.ipynb")


def test_figures_are_there_as_svg_for_the_pages_and_as_png(first: Path, tmp_path: Path) -> None:
    execute_chapter(first, out := tmp_path / "out.ipynb")
    cells = nbformat.read(out, as_version=4).cells
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    (figure,) = (data for data in shown if "image/png" in data)
    assert "</svg>" in figure["image/svg+xml"]


@pytest.mark.slow
def test_two_runs_write_the_same_bytes_and_no_trace_of_the_run(first: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "a" / "first.ipynb", tmp_path / "b" / "first.ipynb"]
    for output in outputs:
        execute_chapter(first, output, {"slope": "3"}, profile="smoke")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    notebook = nbformat.read(outputs[0], as_version=4)
    nbformat.validate(notebook)
    assert not any("papermill" in part.metadata for part in (notebook, *notebook.cells))
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert [cell.source.splitlines()[1:] for cell in injected] == [
        ["slope = 3.0", 'profile = "smoke"']
    ]
    run = json.loads(outputs[0].with_suffix(".run.json").read_text())
    assert (run["profile"], run["parameters"]["slope"], run["parameters"]["steps"]) == (
        "smoke",
        3,
        3,
    )
    assert run["seconds"] > 0


def test_a_chapter_without_a_profile_gets_no_cell_that_says_nothing(
    first: Path, tmp_path: Path
) -> None:
    output = tmp_path / "second.ipynb"
    execute_chapter(first.with_name("second.md"), output, {"seed": "0"}, profile="smoke")
    assert "injected-parameters" not in output.read_text()


def test_a_failing_cell_is_named_and_leaves_the_older_notebook(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chapter, output = tmp_path / "odd.md", tmp_path / "out" / "odd.ipynb"
    cell = (
        "\n```{code-cell} ipython3\nx = 1\nraise ValueError('sigma_p = -1: must be above 0')\n```\n"
    )
    chapter.write_text(first.with_name("second.md").read_text() + cell)
    line = chapter.read_text().splitlines().index("x = 1") + 1
    output.parent.mkdir()
    output.write_text("what was there")
    assert main([str(chapter), str(output), "--force"]) == 1
    message = capsys.readouterr().err
    assert (
        f"odd.md:{line}: cell 4, In [3], raised ValueError: sigma_p = -1: must be above 0"
        in message
    )
    assert "    x = 1\n" in message
    assert [path.name for path in output.parent.iterdir()] == ["odd.ipynb"]
    assert output.read_text() == "what was there"


def test_a_killed_kernel_is_told_in_a_sentence(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chapter, output = tmp_path / "killed.md", tmp_path / "killed.ipynb"
    cell = "\n```{code-cell} ipython3\nimport os\n\nos.kill(os.getpid(), 9)\n```\n"
    chapter.write_text(first.with_name("second.md").read_text() + cell)
    assert main([str(chapter), str(output)]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"error: {chapter}: its kernel was killed")
    assert "Traceback" not in said
    assert not output.exists()


def test_the_kernel_is_this_environments_python(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = tmp_path / "data" / "kernels" / "python3" / "kernel.json"
    decoy.parent.mkdir(parents=True)
    decoy.write_text(json.dumps({"argv": ["false"], "display_name": "Decoy", "language": "python"}))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    chapter, output = tmp_path / "which.md", tmp_path / "which.ipynb"
    cell = "\n```{code-cell} ipython3\nimport sys\n\nprint(sys.prefix)\n```\n"
    chapter.write_text(first.with_name("second.md").read_text() + cell)
    execute_chapter(chapter, output)
    printed = nbformat.read(output, as_version=4).cells[-1].outputs[0].text
    assert printed.strip() == sys.prefix


@pytest.fixture
def clone(mini_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository to change at will, in which the book is built."""
    root = tmp_path / "clone"
    left_out = shutil.ignore_patterns("_build")
    monkeypatch.chdir(shutil.copytree(mini_source, root, ignore=left_out))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return root


@pytest.fixture
def other(clone: Path) -> Path:
    """Another clone, whose package says something else."""
    other = Path(shutil.copytree(clone, clone.with_name("other")))
    (other / "meta_bandit" / "base.py").write_text("VALUE = 99\n")
    return other


def shown(notebook: Path) -> str:
    return str(nbformat.read(notebook, as_version=4).cells[-1].outputs[0].data["text/plain"])


def test_the_code_that_runs_is_that_of_the_folder_that_is_built(
    clone: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(other))
    execute_chapter(Path("book/second.md"), clone / "out.ipynb")
    assert shown(clone / "out.ipynb") == "2"


def test_code_of_another_folder_is_refused_with_both_paths(clone: Path, other: Path) -> None:
    chapter = Path("book/second.md")
    first = f"import sys; sys.path.insert(0, {str(other)!r})\nfrom meta_bandit.deep"
    chapter.write_text(chapter.read_text().replace("from meta_bandit.deep", first))
    with pytest.raises(ChapterError) as refused:
        execute_chapter(chapter, clone / "out.ipynb")
    assert f"is {other / 'meta_bandit'}" in str(refused.value)
    assert f"built in {clone}" in str(refused.value)
    assert not (clone / "out.ipynb").exists()


def test_the_digest_is_of_what_was_imported_however_it_was(clone: Path) -> None:
    chapter = Path("book/second.md")
    call = "import importlib\n\nimportlib.import_module('meta_bandit.' + 'unused')\n"
    text = chapter.read_text().replace("inner.VALUE + seed", f"{call}\ninner.VALUE + seed")
    chapter.write_text(text)
    before = execute_chapter(chapter, clone / "out.ipynb").code
    assert "meta_bandit/unused.py" in (clone / "out.inputs.json").read_text()
    Path("meta_bandit/unused.py").write_text("ANOTHER = 1\n")
    assert execute_chapter(chapter, clone / "out.ipynb").code != before


def test_stored_results_count_however_their_names_were_made(clone: Path) -> None:
    with (clone / "meta_bandit" / "studies" / "results.py").open("a") as module:
        module.write("READ |= {RESULTS / f'{name}.csv' for name in ('unused', 'not-there-yet')}\n")
    chapter = Path("book/second.md")
    run = execute_chapter(chapter, clone / "out.ipynb")
    assert list(run.data) == ["book/results/table.csv", "book/results/unused.csv"]
    inputs = json.loads((clone / "out.inputs.json").read_text())["inputs"]
    assert inputs["book/results/unused.csv"] == run.data["book/results/unused.csv"]
    # when it is there, the chapter is run again
    assert inputs["book/results/not-there-yet.csv"] is None


def test_a_module_that_changes_while_the_chapter_runs_is_noticed(clone: Path) -> None:
    chapter = Path("book/second.md")
    edit = f"open({str(clone / 'meta_bandit' / 'base.py')!r}, 'a').write('# more')\ninner.VALUE"
    chapter.write_text(chapter.read_text().replace("inner.VALUE", edit))
    with pytest.raises(ChapterError, match=r"changed while it ran.*meta_bandit/base\.py$"):
        execute_chapter(chapter, clone / "out.ipynb")


def readers_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    startup = "print('good morning')\nprofile = 'paper'\n"
    decoy = {"argv": ["false"], "display_name": "Decoy", "language": "python"}
    for name, text in {
        ".config/matplotlib/matplotlibrc": "lines.linewidth: 9\nno.such.thing: 1\n",
        "rc": "lines.linewidth: 7\n",
        ".ipython/profile_default/startup/00-mine.py": startup,
        ".ipython/profile_default/ipython_kernel_config.py": "c.IPKernelApp.exec_lines = ['1/0']",
        "startup.py": startup,
        "usercustomize.py": startup,
        "jupyter/kernels/python3/kernel.json": json.dumps(decoy),
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    for name, value in {
        "HOME": home,
        "MATPLOTLIBRC": home / "rc",
        "PYTHONSTARTUP": home / "startup.py",
        "PYTHONWARNINGS": "always",
        "PYTHONOPTIMIZE": "2",
        "JUPYTER_PATH": home / "jupyter",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("IPYTHONDIR", "MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)


def no_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("not a folder")
    monkeypatch.setenv("HOME", str(home))
    for name in ("IPYTHONDIR", "MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [readers_own, no_home])
def test_no_setting_of_the_readers_own_changes_an_output(
    clone: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    outputs = [clone / "a" / "first.ipynb", clone / "b" / "first.ipynb"]
    execute_chapter(Path("book/first.md"), outputs[0])
    assert callable(settings)
    settings(clone / "home", monkeypatch)
    execute_chapter(Path("book/first.md"), outputs[1])
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_a_place_that_cannot_be_written_is_named_before_anything_runs(clone: Path) -> None:
    chapter, ran = Path("book/second.md"), clone / "ran"
    chapter.write_text(
        chapter.read_text().replace("inner.VALUE", f"open({str(ran)!r}, 'w')\ninner")
    )
    (clone / "link.ipynb").symlink_to("/proc/nothing/x.ipynb")
    for name, said in (
        ("/proc/x.ipynb", "OUT = /proc/x.ipynb: cannot be written: "),
        ("link.ipynb", "OUT = link.ipynb: cannot be written: "),
        ("book", "OUT = book: must be a file, and is a folder"),
    ):
        with pytest.raises(ChapterError, match=said):
            execute_chapter(chapter, Path(name))
    assert not ran.exists()


def test_settings_of_figures_beside_the_output_are_refused(clone: Path) -> None:
    (clone / "mine").mkdir()
    (clone / "mine" / "matplotlibrc").write_text("lines.linewidth: 9\n")
    with pytest.raises(ChapterError, match="mine/matplotlibrc: would change the figures"):
        execute_chapter(Path("book/first.md"), Path("mine/out.ipynb"))


@pytest.mark.parametrize("inside", [False, True])
def test_the_commit_of_a_repository_around_the_book_is_not_the_books(
    tmp_path: Path, inside: bool
) -> None:
    book = tmp_path / "book" if inside else tmp_path
    book.mkdir(exist_ok=True)
    (tmp_path / "file").write_text("x")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    assert (_commit(book) is None) == inside


def test_a_byte_order_mark_does_no_harm(clone: Path) -> None:
    chapter = Path("book/second.md")
    chapter.write_bytes(b"\xef\xbb\xbf" + chapter.read_bytes())
    execute_chapter(chapter, clone / "out.ipynb")
    assert shown(clone / "out.ipynb") == "2"


def test_a_chapter_in_another_encoding_is_refused_in_a_sentence(clone: Path) -> None:
    chapter = Path("book/second.md")
    chapter.write_bytes(chapter.read_bytes().replace(b"Only data", "Données".encode("latin-1")))
    with pytest.raises(ChapterError, match=r"second\.md: not in UTF-8 \(byte \d+\)"):
        read_chapter(chapter)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_round_trip_through_jupyter_changes_only_what_its_reader_changed(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    config = jupytext.config.load_jupytext_config(str(ROOT / "notebooks"))
    notebook = jupytext.reads(text, "md:myst", config=config)
    # what Jupyter adds
    notebook.metadata["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    for cell in notebook.cells:
        cell.metadata |= {"editable": True, "trusted": True, "slideshow": {"slide_type": ""}}
    last = next(cell for cell in reversed(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(0, first_cell("https://github.com/someone/companion"))
    config.set_default_format_options(options := {})
    notebook.metadata.setdefault("jupytext", {}).update(options)
    saved = keep_unchanged(text, jupytext.writes(notebook, "md:myst", config=config))
    assert saved == text
    last.source += "\n1 + 1"
    saved = keep_unchanged(text, jupytext.writes(notebook, "md:myst", config=config))
    before, after = text.splitlines(), saved.splitlines()
    assert [line for line in ndiff(before, after) if line[:1] in "+-"] == ["+ 1 + 1"]


def test_code_of_another_folder_is_refused_before_the_chapter_runs(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, out, ran = tmp_path / "other", tmp_path / "out.ipynb", tmp_path / "ran"
    (other / "meta_bandit").mkdir(parents=True)
    (other / "meta_bandit" / "__init__.py").write_text(f"open({str(ran)!r}, 'w')")
    (other / "sitecustomize.py").write_text(f"import sys\nsys.path.insert(0, {str(other)!r})")
    monkeypatch.setenv("PYTHONPATH", str(other))
    with pytest.raises(ChapterError, match=r"not the code of this folder: meta_bandit is .*other"):
        execute_chapter(first, out)
    assert not ran.exists()
    assert not out.exists()


def test_what_a_cell_printed_is_one_piece_in_however_many_it_came(
    first: Path, tmp_path: Path
) -> None:
    chapter, output = tmp_path / "prints.md", tmp_path / "prints.ipynb"
    said = "import sys, time\n\nfor number in range(3):\n    print(number, flush=True)\n"
    said += "    print('!', file=sys.stderr, flush=True)\n    time.sleep(0.3)\n"
    cell = f"\n```{{code-cell}} ipython3\n{said}```\n"
    chapter.write_text(first.with_name("second.md").read_text() + cell)
    execute_chapter(chapter, output)
    outputs = nbformat.read(output, as_version=4).cells[-1].outputs
    found = [(output.name, output.text) for output in outputs]
    assert found == [("stdout", "0\n1\n2\n"), ("stderr", "!\n!\n!\n")]
