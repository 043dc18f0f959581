"""Copy a figure of an executed chapter: ``python -m book.pages.figure NOTEBOOK OUT.png``."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import nbformat

from meta_bandit.files import write_atomically


def first_figure(notebook: Path) -> bytes:
    """Give the first figure of an executed notebook, as PNG; ValueError if it holds none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return base64.b64decode(output["data"]["image/png"])
    raise ValueError(f"{notebook}: must hold a figure, and does not")


if __name__ == "__main__":
    write_atomically(Path(sys.argv[2]), first_figure(Path(sys.argv[1])))
