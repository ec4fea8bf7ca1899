"""What any run of this user may take instead of computing it: nothing of a patient."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deidflow.store.files import sha256_of, write_bytes_atomic


def machine_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The cache's folder (XDG Base Directory Specification)."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "deidflow"


def take(kept: Path, target: Path) -> bool:
    """Copy a kept file to its place; returns whether it was there and whole."""
    if not is_intact(kept):
        return False
    write_bytes_atomic(target, kept.read_bytes())
    return True


def keep(path: Path, kept: Path) -> None:
    """Copy a file into the cache, then its hash: without a hash it does not count.

    Where the cache cannot be written nothing is kept, and the next vault computes its own.
    """
    with suppress(OSError):
        kept.parent.mkdir(
            parents=True,
            exist_ok=True,
            mode=0o700,
        )
        write_bytes_atomic(kept, path.read_bytes())
        write_bytes_atomic(
            _hash_file(kept),
            sha256_of(path).encode(),
        )


def is_intact(kept: Path) -> bool:
    """Whether a kept file has the hash that is beside it."""
    try:
        return _hash_file(kept).read_text() == sha256_of(kept)
    except OSError:
        return False


def _hash_file(path: Path) -> Path:
    return path.with_suffix(".sha256")
