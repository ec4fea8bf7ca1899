"""Every file of the sources, by its path below one root."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deidflow.dicom.source_walk import files_below, is_working_folder
from deidflow.errors import EnvironmentFault, UsageError


@dataclass(frozen=True)
class Located:
    """Files by their paths below one root, in a fixed order, and folders that are not read."""

    root: Path
    paths: tuple[str, ...]
    unreadable: tuple[str, ...]
    """Folders that cannot be opened."""
    working: tuple[str, ...] = ()
    """Folders in which deidflow stages outputs."""
    members: tuple[str, ...] = ()
    """Locators of the members of archives."""
    places: Mapping[str, Path] = field(default_factory=dict)
    """Locator -> file, for members that were unpacked."""

    @property
    def everything(self) -> tuple[str, ...]:
        """Everything that gets a verdict; members last, so that other numbers do not depend on
        them."""
        return (*self.paths, *self.unreadable, *self.working, *self.members)

    def place_of(self, path: str) -> Path:
        """Where a file is, a member of an archive too."""
        return self.places.get(path, self.root / path)


def locate(sources: Sequence[Path]) -> Located:
    """Every regular file of the sources.

    Raises UsageError for a source that is missing, or is neither a file nor a folder.
    """
    if not sources:
        raise UsageError("the list of the source names no file and no folder")
    resolved: list[Path] = []
    for number, source in enumerate(sources, 1):
        name = "the source"
        if len(sources) > 1:
            name = f"source {number}"
        path = _checked(source, name)
        resolved.append(path)

    folders = [path if path.is_dir() else path.parent for path in resolved]
    root = os.path.commonpath(folders)
    search = _Search(Path(root))
    for path in resolved:
        search.add(path)

    if not search.paths and not search.unreadable:
        raise UsageError("the source holds no files; check the path")
    return search.located()


@dataclass
class _Search:
    """Files and folders found so far; one that is in two sources counts once."""

    root: Path
    paths: dict[str, None] = field(default_factory=dict)
    unreadable: dict[str, None] = field(default_factory=dict)
    working: dict[str, None] = field(default_factory=dict)

    def add(self, source: Path) -> None:
        """Add a source: one file, or every file below a folder."""
        relative = source.relative_to(self.root).as_posix()
        if not source.is_dir():
            self.paths[relative] = None
            return

        prefix = ""
        if source != self.root:
            prefix = f"{relative}/"
        unreadable: list[str] = []
        working: list[str] = []
        paths = [path for path, _ in files_below(source, unreadable, working)]
        self.paths |= _with_prefix(prefix, paths)
        self.unreadable |= _with_prefix(prefix, unreadable)
        self.working |= _with_prefix(prefix, working)

    def located(self) -> Located:
        """What was found."""
        return Located(
            root=self.root,
            paths=tuple(self.paths),
            unreadable=tuple(self.unreadable),
            working=tuple(self.working),
        )


def _with_prefix(prefix: str, paths: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys(prefix + path for path in paths)


def _checked(path: Path, name: str) -> Path:
    """The resolved path of a source that exists and may be read, called `name` in messages."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(f"{name} does not exist; check the path") from None
    except OSError as error:
        raise EnvironmentFault(
            f"{name} cannot be read: {error.strerror}; check its permissions"
        ) from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(f"{name} is neither a file nor a folder")

    resolved = Path(os.path.realpath(path))
    folder = resolved if stat.S_ISDIR(mode) else resolved.parent
    if any(is_working_folder(part) for part in folder.parts):
        raise UsageError(f"{name} is in a working folder of deidflow; name the original files")
    return resolved
