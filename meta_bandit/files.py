"""Writing files so that nobody ever finds half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
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
            stream.flush()
            # else a power cut may leave the new name with none of the new content
            os.fsync(stream.fileno())
        # mkstemp makes private files, whatever the umask says
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
