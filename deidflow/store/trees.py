"""Folders as one hash, by what the file system reports of their files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from deidflow.store.files import Signature, sha256_of

_NO_CONTENT = "__pycache__"


def tree_digest(root: Path) -> str:
    """The hash of paths and signatures of all files below a folder; links are not followed.

    A folder that cannot be listed counts by the number of its error.
    """
    digest = hashlib.sha256()
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            digest.update(f"{folder} {error.errno}\n".encode("utf-8", "surrogateescape"))
            continue

        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                digest.update(signature_row(entry.path, entry.stat(follow_symlinks=False)))
            elif entry.name != _NO_CONTENT:
                waiting.append(entry.path)
    return digest.hexdigest()


def content_digest(path: Path) -> str:
    """The hash of a file's content; empty where there is no file that can be read."""
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:
        return ""


def signature_row(name: str, status: os.stat_result) -> bytes:
    """A file as a line to be hashed."""
    signature = " ".join(map(str, Signature.from_stat(status)))
    return f"{name} {signature}\n".encode("utf-8", "surrogateescape")
