"""How ``make venv`` begins, goes on after a stop, and what ``make clean-venv`` leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Python as far as the Makefile needs it: it can do what the test's variables let it do
STUB = """#!/bin/bash
echo "$* PIP_USER=${PIP_USER-} PIP_TARGET=${PIP_TARGET-}" >> "$LOG"
case "$*" in
  *"import ensurepip"*) exit "${NO_ENSUREPIP:-0}";;
  "-m venv "*)
    mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; touch "$3/pyvenv.cfg"; exit "${STOPPED:-0}";;
  *"pip --version"*) exit "${NO_PIP:-0}";;
  *"pip install"*) exit "${NO_INSTALL:-0}";;
  *print*version_info*) echo python3.11-venv;;
esac
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    stub = tmp_path / "stub"
    stub.write_text(STUB)
    stub.chmod(0o755)

    def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
        clean = {name: value for name, value in os.environ.items() if name not in outer}
        return subprocess.run(
            ["make", f"PYTHON={stub}", *arguments],
            cwd=tmp_path,
            env=clean | {"LOG": str(tmp_path / "log")} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    return make


@pytest.mark.parametrize("stop", ["STOPPED", "NO_INSTALL"])
def test_what_a_stop_left_half_made_is_made_anew(run: Run, tmp_path: Path, stop: str) -> None:
    environment = tmp_path / ".venv"
    assert run("venv", **{stop: "1"}).returncode != 0
    assert not (environment / ".installed").exists()
    (environment / "half").touch()
    done = run("venv")
    assert done.returncode == 0, done.stderr
    assert ".venv: was left half made, and is made anew" in done.stdout
    assert (environment / ".installed").exists()
    assert not (environment / "half").exists()


def test_a_stopped_change_of_the_lock_is_not_forgotten(run: Run, tmp_path: Path) -> None:
    assert run("venv").returncode == 0
    with (tmp_path / "requirements.lock").open("a") as lock:
        lock.write("\n")
    assert run("venv", NO_INSTALL="1").returncode != 0
    assert "made anew" in run("venv").stdout


def test_what_was_installed_is_told_by_content(run: Run, tmp_path: Path) -> None:
    assert run("venv").returncode == 0
    lock = tmp_path / "requirements.lock"
    os.utime(lock, (2**32, 2**32))
    assert "installing" not in run("venv").stdout
    lock.write_bytes(lock.read_bytes() + b"\n")
    os.utime(lock, (0, 0))
    assert "installing" in run("venv").stdout
    assert "installing" not in run("venv").stdout


def test_an_environment_that_was_moved_or_broken_is_made_again(run: Run, tmp_path: Path) -> None:
    whole, copied, moved = (tmp_path / name for name in (".venv", "copied", "moved"))
    assert run("venv").returncode == 0
    assert "again" not in run("venv").stdout
    shutil.copytree(whole, copied)
    shutil.copytree(whole, moved)
    (moved / ".installed").write_text("/gone/.venv\n")
    (whole / "bin" / "python").unlink()
    (whole / "bin" / "python").symlink_to("gone")
    for venv in (whole, copied, moved):
        (venv / "old").touch()
        done = run("venv", f"VENV={venv}")
        assert f"{venv} was moved or has lost its Python: making it again" in done.stdout
        assert (venv / ".installed").read_text().startswith(f"{venv}\n")
        assert not (venv / "old").exists()
        assert "again" not in run("venv", f"VENV={venv}").stdout


def test_a_readers_own_environment_that_was_moved_stays(run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "bin").mkdir(parents=True)
    shutil.copy(tmp_path / "stub", own / "bin" / "python")
    for name in ("pyvenv.cfg", "mine"):
        (own / name).touch()
    assert run("venv", "VENV=own").returncode == 0
    own = own.rename(tmp_path / "elsewhere")
    done = run("venv", "VENV=elsewhere")
    assert done.returncode != 0
    assert "elsewhere was moved or has lost its Python, and was not made by make" in done.stderr
    assert (own / "mine").exists()
    assert run("venv", "VENV=elsewhere", "FORCE=1").returncode == 0
    assert not (own / "mine").exists()


def test_an_environment_of_another_maker_is_added_to_and_never_removed(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "conda" / "bin").mkdir(parents=True)
    (tmp_path / "conda" / "conda-meta").mkdir()
    shutil.copy(tmp_path / "stub", tmp_path / "conda" / "bin" / "python")
    done = run("venv", "VENV=conda")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "conda" / ".installed").exists()
    done = run("clean-venv", "VENV=conda")
    assert done.returncode != 0
    assert "conda was not made by make, and stays" in done.stderr
    assert (tmp_path / "conda" / "conda-meta").is_dir()
    assert run("clean-venv", "VENV=conda", "FORCE=1").returncode == 0
    assert not (tmp_path / "conda").exists()


def test_a_folder_that_is_no_environment_is_never_removed(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b/venv", "own"):
        (tmp_path / name).mkdir(parents=True)
    for given in ("VENV=a b/venv", "VENV=", "VENV=own", "VENV=."):
        assert run("clean-venv", given, "FORCE=1").returncode != 0, given
    assert (tmp_path / "Makefile").exists()
    assert all((tmp_path / name).is_dir() for name in ("a", "b/venv", "own"))


def test_what_make_made_it_removes(run: Run, tmp_path: Path) -> None:
    assert run("venv").returncode == 0
    assert run("clean-venv").returncode == 0
    assert not (tmp_path / ".venv").exists()
    assert run("clean-venv").returncode == 0


def test_an_environment_without_pip_is_told_in_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(tmp_path / "stub", tmp_path / ".venv" / "bin" / "python")
    done = run("venv", NO_PIP="1")
    assert done.returncode != 0
    assert "error: .venv has no Python with pip, and was not made by make" in done.stderr


def test_a_python_that_cannot_make_environments_names_the_package(run: Run, tmp_path: Path) -> None:
    done = run("venv", NO_ENSUREPIP="1")
    assert done.returncode != 0
    assert "install Debian's package python3.11-venv, then run make again" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_no_python_is_told_in_a_sentence(run: Run) -> None:
    assert "error: no Python 3.11 to 3.13: install Debian's" in run("venv", "PYTHON=").stderr
    assert "error: no Python 3.11 to 3.13 is false:" in run("venv", "PYTHON=false").stderr


def test_the_readers_pip_settings_do_not_lead_away(run: Run, tmp_path: Path) -> None:
    assert run("venv", PIP_USER="1", PIP_TARGET="elsewhere").returncode == 0
    lines = (tmp_path / "log").read_text().splitlines()
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 3
    assert all(line.endswith("PIP_USER=0 PIP_TARGET=") for line in installs)
