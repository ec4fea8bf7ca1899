"""The prepared template: computed once per machine, then copied into each vault."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deidflow.face.template import prepare_template, template_path
from deidflow.run.context import Run
from deidflow.store.files import sha256_of, write_bytes_atomic


def provide_template(run: Run) -> None:
    """Put the template of the run's settings where its steps look for it.

    It holds nothing of a patient. Raises StepFailed where it cannot be computed.
    """
    ears = run.settings.deface.removes_ears
    path = template_path(run.layout.templates, ears=ears)
    if path.exists():
        return

    kept = machine_cache() / path.name
    if is_intact(kept):
        write_bytes_atomic(path, kept.read_bytes())
        return

    run.children.run(
        run.layout.tool_log,
        prepare_template,
        str(path),
        ears,
    )
    # Where the cache cannot be written the next vault computes its own.
    with suppress(OSError):
        keep(path, kept)


def machine_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder for what any run of this user may take (XDG Base Directory Specification)."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "deidflow"


def is_intact(path: Path) -> bool:
    """Whether a cached file has the hash that is kept beside it."""
    try:
        return _hash_file(path).read_text() == sha256_of(path)
    except OSError:
        return False


def keep(path: Path, target: Path) -> None:
    """Copy a file into the cache, then its hash: without a hash it does not count."""
    target.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    write_bytes_atomic(target, path.read_bytes())
    write_bytes_atomic(
        _hash_file(target),
        sha256_of(path).encode(),
    )


def _hash_file(path: Path) -> Path:
    return path.with_suffix(".sha256")
