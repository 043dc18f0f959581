"""Read by `JUPYTER_CONFIG_PATH=. jupyter lab`: of a chapter only what was changed is saved anew."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from book.run.chapter import keep_unchanged


def keep_spelling(model: dict, path: str, contents_manager: object, **_: object) -> None:
    """Put the chapter's own spelling into the text that is about to be saved."""
    chapter = Path(contents_manager.root_dir, path.strip("/"))
    in_book = chapter.parent.name == "book" and chapter.suffix == ".md" and chapter.is_file()
    if model["type"] == "file" and in_book:
        model["content"] = keep_unchanged(chapter.read_text("utf-8"), model["content"])


c.FileContentsManager.pre_save_hook = keep_spelling  # noqa: F821
