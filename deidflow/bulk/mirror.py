"""The source's tree below a subject, with every folder and file renamed by a counter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_LEAST_DIGITS = 3
_Children = dict[str, bool]
"""Names in a folder, and whether each is a file."""


@dataclass(frozen=True)
class MirroredTree:
    """New paths for a subject's files; siblings are numbered in the order of their names."""

    new_paths: dict[str, str]
    """Path below `base` -> path in the output, for folders and files."""
    base: str
    """The innermost folder that contains all files."""

    @classmethod
    def of(cls, paths: Sequence[str]) -> MirroredTree:
        """The tree of a subject's files."""
        parents: set[tuple[str, ...]] = set()
        for path in paths:
            parent = PurePosixPath(path).parent
            parents.add(parent.parts)
        base = _common_folder(parents)
        children = _children_by_folder(paths, base)

        new_paths = {"": ""}
        for folder in sorted(children):
            new_folder = new_paths[folder]
            names = _counted_names(children[folder])
            for name, new_name in names.items():
                path = _joined(folder, name)
                new_paths[path] = _joined(new_folder, new_name)
        return cls(new_paths, base)

    def place_of(self, path: str) -> tuple[str, str]:
        """Folder and name in the output of a source file; the folder may be empty."""
        source = PurePosixPath(path)
        below_base = source.relative_to(self.base)
        key = below_base.as_posix()
        new_path = self.new_paths[key]
        folder, _, name = new_path.rpartition("/")
        return folder, name


def _children_by_folder(paths: Sequence[str], base: str) -> dict[str, _Children]:
    """What each folder below `base` contains; the base itself is the empty path."""
    children: dict[str, _Children] = {}
    for path in paths:
        below_base = PurePosixPath(path).relative_to(base)
        parts = below_base.parts
        last = len(parts) - 1
        for depth, name in enumerate(parts):
            folder = "/".join(parts[:depth])
            siblings = children.setdefault(folder, {})
            siblings.setdefault(name, depth == last)
    return children


def _counted_names(children: _Children) -> dict[str, str]:
    """A number for each name, padded to the same width; files get the suffix `.dcm`."""
    digits = len(str(len(children)))
    width = max(_LEAST_DIGITS, digits)
    names: dict[str, str] = {}
    for number, name in enumerate(sorted(children), 1):
        new_name = f"{number:0{width}d}"
        is_file = children[name]
        if is_file:
            new_name += ".dcm"
        names[name] = new_name
    return names


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _common_folder(folders: set[tuple[str, ...]]) -> str:
    """The innermost folder that contains all of them; `.` if they share none."""
    shortest = min(folders, key=len)
    depth = len(shortest)
    for parts in folders:
        while parts[:depth] != shortest[:depth]:
            depth -= 1
    return str(PurePosixPath(*shortest[:depth]))
