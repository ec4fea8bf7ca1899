"""Where the prepared template is kept: asked by those who never load it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from deidflow.store.code import code_digest
from deidflow.store.files import digest_of


def template_path(folder: Path, *, ears: bool) -> Path:
    """The path of the prepared template in a cache folder; code and libraries are in its name."""
    key = [
        code_digest("deidflow.face.template"),
        metadata.version("SimpleITK"),
        metadata.version("numpy"),
        ears,
    ]
    digest = digest_of(key)
    return folder / f"template-{digest[:12]}.npz"
