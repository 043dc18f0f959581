"""C beside a module, compiled for this machine when it is first asked for."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-shared", "-fPIC")


def compiled(source: Path, choices: Sequence[Sequence[str]]) -> ctypes.CDLL | None:
    """Compile a file by the machine's C compiler, ``cc``, and load it; None where that cannot be.

    Parameters
    ----------
    source
        The C file.
    choices
        Options, of which the first are taken that the compiler knows.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform == "win32":
        return None
    # a library stays loaded when its file is gone
    with tempfile.TemporaryDirectory(prefix="meta-bandit-") as folder:
        made = Path(folder) / "made.so"
        for options in choices:
            command = [compiler, *_FLAGS, str(source), "-o", str(made), *options]
            if not subprocess.run(command, capture_output=True).returncode:
                return ctypes.CDLL(str(made))
    return None
