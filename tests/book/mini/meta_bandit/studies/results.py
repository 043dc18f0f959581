"""Reads what the book keeps and takes note of it, as the real one does."""

from pathlib import Path

RESULTS = Path(__file__).parents[2] / "book" / "results"
READ: set[Path] = set()


def stored(name: str) -> str:
    """Read a file that the book keeps."""
    READ.add(RESULTS / name)
    return (RESULTS / name).read_text(encoding="utf-8")
