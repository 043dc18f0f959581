"""Writing files so that nobody ever finds half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write ``content`` beside ``path``, then rename it into place.

    Parameters
    ----------
    path
        The file to make or to replace, in a folder that exists.
    content
        All of it.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            # else a power cut may leave the new name with none of the new content
            os.fsync(stream.fileno())
        # mkstemp makes private files, whatever the umask says
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
