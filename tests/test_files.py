import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meta_bandit.files import find_place, only_one, to_json, write_atomically


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_atomically(path, "one")
    write_atomically(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("one")

    def refuse(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, "two")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path, there: bool) -> None:
    link, path = tmp_path / "link", tmp_path / "elsewhere" / "file.txt"
    link.symlink_to(path)
    if there:
        path.parent.mkdir()
        path.write_text("one")
    write_atomically(link, "two")
    assert link.is_symlink()
    assert path.read_text() == "two"
    assert not path.is_symlink()


def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    # as a device would be; that of this machine is not for tests to lose
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write_atomically(pipe, "through")
        assert reader.communicate(timeout=120)[0] == b"through"
    assert pipe.is_fifo()


@pytest.mark.parametrize("umask", [0o027, 0o002])
def test_the_mode_is_that_of_the_old_file_or_of_the_umask(tmp_path: Path, umask: int) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(0o640)
    before = os.umask(umask)
    try:
        write_atomically(new, "new")
        write_atomically(old, "new")
    finally:
        os.umask(before)
    assert (new.stat().st_mode & 0o777, old.stat().st_mode & 0o777) == (0o666 & ~umask, 0o640)


def test_a_file_system_without_modes_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    path = tmp_path / "file.txt"
    path.write_text("one")
    write_atomically(path, "two")
    assert path.read_text() == "two"


def test_a_file_with_no_place_to_go_to_is_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/proc/nothing")
    for name, message in (
        (".", "out = .*: must be a file, and is a folder"),
        (os.devnull, f"out = {os.devnull}: must be a file, and is a device"),
        ("file/x", "out = .*: cannot be written: "),
        ("/proc/x", "out = /proc/x: cannot be written: "),
        ("link", "out = .*link: cannot be written: "),
    ):
        with pytest.raises(ValueError, match=message):
            find_place(tmp_path / name)
    assert find_place(tmp_path / "new" / "x") == tmp_path / "new" / "x"
    assert list((tmp_path / "new").iterdir()) == []


def test_two_processes_cannot_make_one_file_and_a_killed_one_does_not_keep_it(
    tmp_path: Path,
) -> None:
    out, link = tmp_path / "out.nc", tmp_path / "link.nc"
    link.symlink_to(out)
    code = (
        "import sys, pathlib, time; from meta_bandit.files import only_one\n"
        "with only_one(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        for way in (out, link):
            with (
                pytest.raises(ValueError, match="another process is making this file"),
                only_one(way),
            ):
                pass
        process.kill()
    with only_one(out):
        pass
    assert list(tmp_path.iterdir()) == [link]


def refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


@pytest.mark.parametrize(
    "value",
    [
        {"clip": math.inf, "limits": [-math.inf, 1.5, {"deep": math.inf}]},
        {"Infinity": "Infinity, NaN", "quoted": 'a \\" Infinity', "line": "-Infinity\n"},
        math.inf,
        [],
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_is_strict_and_is_read_back_equal(value: object, indent: int | None) -> None:
    text = to_json(value, indent)
    assert json.loads(text, parse_constant=refuse) == value
    # what was written before is read still, and is the same
    assert json.loads(json.dumps(value)) == json.loads(text)


def test_no_json_stands_for_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="NaN"):
        to_json({"mean": math.nan})
