"""The output folder: what may be done with it, who holds it, and its mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deidflow.errors import EnvironmentFault, UsageError
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.store.files import remove_tree
from deidflow.store.locks import held
from deidflow.store.scratch import PUBLIC_FOLDER_MODE, private_folder, public_folder
from deidflow.store.staging import contents_of, staging_of

DESCRIPTION = "dataset.json"


def check_output(settings: AnonymizeSettings) -> None:
    """Refuse an output that `on_exists` does not allow to be touched; changes nothing.

    Raises UsageError, and EnvironmentFault if the folder cannot be read.
    """
    out = settings.out
    if out.exists() and not out.is_dir():
        raise UsageError("the output is a file; name a folder")
    if not _has_contents(out):
        return

    if settings.on_exists == "fail":
        raise UsageError(
            "the output folder is not empty; choose another, or --on-exists resume or clean"
        )
    if not (out / DESCRIPTION).exists():
        raise UsageError(
            "the output folder holds files that deidflow did not write; choose another folder"
        )


def _has_contents(out: Path) -> bool:
    try:
        return bool(contents_of(out))
    except OSError as error:
        raise EnvironmentFault(
            f"the output cannot be read: {error.strerror}; check its permissions"
        ) from None


@contextmanager
def output_held(settings: AnonymizeSettings) -> Iterator[None]:
    """Hold the output for this call; its staging folder is empty at first and gone at the end."""
    staging = staging_of(settings.out)
    private_folder(staging, "output's folder")
    with held(staging / "lock", "output"):
        try:
            check_output(settings)
            remove_tree(staged_folder(settings.out))
            yield
        finally:
            remove_tree(staging)


def staged_folder(out: Path) -> Path:
    """Where outputs are written before they are moved into place."""
    return staging_of(out) / "staged"


def make_way(settings: AnonymizeSettings) -> None:
    """Make the output's folder, and empty it if `on_exists` says so."""
    if settings.on_exists == "clean":
        for path in contents_of(settings.out):
            remove_tree(path)
    public_folder(settings.out, "output")


def make_public_parents(out: Path, folder: Path) -> None:
    """Make the missing folders between the output and `folder`, including it, readable by all."""
    missing: list[Path] = []
    while folder != out and not folder.exists():
        missing.append(folder)
        folder = folder.parent

    for path in reversed(missing):
        path.mkdir(mode=PUBLIC_FOLDER_MODE)
        path.chmod(PUBLIC_FOLDER_MODE)


def make_public(folder: Path, *, deep: bool) -> None:
    """Make a folder readable by all, and if `deep` the folders in it."""
    folder.chmod(PUBLIC_FOLDER_MODE)
    if not deep:
        return
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(PUBLIC_FOLDER_MODE)
