"""The code that a step runs, as a hash: what was made by other code is not up to date."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEEP = "DEIDFLOW_KEEP_RESULTS"
"""With any value, results stay although the code has changed: for developers, at their own risk."""
_NAMED = re.compile(r"deidflow(?:\.\w+)+")
_FROM = re.compile(r"from (deidflow(?:\.\w+)*) import (\([^)]*\)|[^\n]*)")


@lru_cache(maxsize=32)
def code_digest(module: str, root: Path = ROOT) -> str:
    """The SHA-256 of the source of a module and of every module of deidflow that it uses, directly or not.

    `root` is the folder that holds the package. Modules that are started by name count as used.
    """
    if os.environ.get(KEEP):
        return "kept"
    digest = hashlib.sha256()
    for path in sorted(_closure(module, root)):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _closure(module: str, root: Path) -> set[Path]:
    """The source files of a module and of all that it uses."""
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _path(waiting.pop(), root)
        if path is not None and path not in found:
            found.add(path)
            waiting += _used(path)
    return found


def _path(module: str, root: Path) -> Path | None:
    """The file of a module or package; None for a name that is neither."""
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@lru_cache(maxsize=1024)
def _used(path: Path) -> tuple[str, ...]:
    """Names of deidflow that a file imports, from modules and as modules, or has in a text.

    By patterns, since parsing takes half a second for all files; what only looks like a name is no file.
    """
    text = path.read_text("utf-8")
    modules = set(_NAMED.findall(text))
    for package, names in _FROM.findall(text):
        modules.update(f"{package}.{name}" for name in re.findall(r"\w+", names))
    return tuple(sorted(modules))
