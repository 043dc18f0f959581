"""Exchanging folders so that a reader never sees half of one."""

from __future__ import annotations

import shutil
from pathlib import Path


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
