"""The code that a step runs, as a hash: results of other code are out of date."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEEP = "DEIDFLOW_KEEP_RESULTS"
"""If set, results are kept although the code has changed: for developers, at their own risk."""
_MODULE = re.compile(r"deidflow(?:\.\w+)+")
_FROM_IMPORT = re.compile(r"from (deidflow(?:\.\w+)*) import (\([^)]*\)|[^\n]*)")
_NAME = re.compile(r"\w+")


@lru_cache(maxsize=32)
def code_digest(module: str, root: Path = ROOT) -> str:
    """The SHA-256 of the source of a module and of every deidflow module that it uses.

    `root` is the folder that contains the package. Indirect uses count, and so do modules that
    are started by name.
    """
    if os.environ.get(KEEP):
        return "kept"

    digest = hashlib.sha256()
    for path in sorted(_closure(module, root)):
        name = path.relative_to(root).as_posix()
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _closure(module: str, root: Path) -> set[Path]:
    """The source files of a module and of everything that it uses."""
    closure: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _source_file(waiting.pop(), root)
        if path is None or path in closure:
            continue
        closure.add(path)
        waiting += _used(path)
    return closure


@lru_cache(maxsize=4096)
def _source_file(module: str, root: Path) -> Path | None:
    """The file of a module or package; None if the name is neither."""
    parts = module.split(".")
    base = root.joinpath(*parts)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@lru_cache(maxsize=1024)
def _used(path: Path) -> tuple[str, ...]:
    """Names of deidflow modules that a file imports, or mentions in a text.

    Found by patterns, because parsing all files takes half a second. A name that only looks like a
    module has no file and is ignored by the caller.
    """
    text = path.read_text("utf-8")
    modules = set(_MODULE.findall(text))
    for package, imports in _FROM_IMPORT.findall(text):
        names = _NAME.findall(imports)
        modules.update(f"{package}.{name}" for name in names)
    return tuple(sorted(modules))
