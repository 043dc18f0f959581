"""Writing files and folders so that a reader never sees half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write ``content`` beside ``path``, then rename it into place.

    Parameters
    ----------
    path
        The file to make or to replace; its folder is made if it is missing.
    content
        All of it; text is written in UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        # mkstemp makes private files, whatever the umask says
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_directory(new: Path, old: Path) -> None:
    """Put the folder ``new`` in the place of the folder ``old``, which may be missing.

    Parameters
    ----------
    new
        A finished folder on the same file system.
    old
        Where it goes; what was there is removed after the exchange, never before.
    """
    retired = old.with_name(f".{old.name}.retired")
    shutil.rmtree(retired, ignore_errors=True)
    if old.exists():
        old.rename(retired)
    try:
        new.rename(old)
    except OSError:
        if retired.exists():
            retired.rename(old)
        raise
    shutil.rmtree(retired, ignore_errors=True)
