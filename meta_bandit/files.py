"""Writing files so that nobody ever finds half of one, and no two write the same; strict JSON."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# whole texts, in which these words are none
_NOT_STRICT = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity|NaN')


def to_json(value: object, indent: int | None = None) -> str:
    """Write strict JSON, whose only numbers are finite: an infinite one as ``1e999``.

    That is a number beyond any of 64 bits, so that programs read it as infinite, ``json.loads``
    among them. Python's own ``Infinity`` is no JSON (RFC 8259, section 6).

    Raises
    ------
    ValueError
        If there is a NaN, for which nothing stands.
    """

    def strict(found: re.Match[str]) -> str:
        if found[0] == "NaN":
            raise ValueError("NaN: must be a number, JSON has no other")
        return "1e999" if found[0] == "Infinity" else found[0]

    return _NOT_STRICT.sub(strict, json.dumps(value, indent=indent))


def write_atomically(path: Path, content: str | bytes | memoryview) -> None:
    """Write ``content`` beside ``path``, then rename it into place.

    Parameters
    ----------
    path
        The file to make or to replace; its folder is made if it is missing. A link is followed, and
        what it leads to is replaced. A new file has the mode that the umask gives, a replaced one
        keeps its own. What is no file, such as a pipe, is written into.
    content
        All of it; text is written in UTF-8.
    """
    data = content.encode() if isinstance(content, str) else content
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # not with tempfile, whose files are private whatever the umask says
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            # else a power cut may leave the new name with none of the new content
            os.fsync(stream.fileno())
        # some file systems have no modes: no reason to lose what took hours
        with suppress(OSError):
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # a full disk does not know whose file it was
        raise


def find_place(path: Path, field: str = "out") -> Path:
    """Find out before hours of work, not after them, whether a file can be written.

    Parameters
    ----------
    path
        The file that will be made; its folder is made if it is missing.
    field
        What the message calls it.

    Raises
    ------
    ValueError
        If it has no place to go to; the message says why.
    """
    at = Path(os.path.realpath(path))
    if at.exists() and not at.is_file():
        kind = "folder" if at.is_dir() else "device"
        raise ValueError(f"{field} = {path}: must be a file, and is a {kind}")
    try:
        at.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=at.parent):
            pass
    except OSError as error:
        raise ValueError(f"{field} = {path}: cannot be written: {error.strerror}") from None
    return path


@contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Keep other processes from making the same file at the same time.

    Parameters
    ----------
    out
        The file that is made. While it is, ``.NAME.lock`` lies beside it; a kill frees the lock.

    Raises
    ------
    ValueError
        If another process is at it.
    """
    at = Path(os.path.realpath(out))
    lock = FileLock(at.with_name(f".{at.name}.lock"))
    at.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"out = {out}: another process is making this file: wait for it, or write to another"
        ) from None
    try:
        yield
    finally:
        # while it is held: whoever waits for a file that is gone looks again
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
