"""Content hashes, file signatures, manifests and atomic writes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet evaluate a cell, or hide one that would."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """The SHA-256 of a JSON-able value, independent of the order of keys."""
    text = json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def write_bytes_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that it is there completely or not at all."""
    with atomic_file(path, mode) as stream:
        stream.write(content)


@contextmanager
def atomic_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A stream into a file that is there completely when the context ends, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = secrets.token_hex(6)
    temporary = path.with_name(f".{path.name}.{random}.part")
    descriptor = os.open(
        temporary,
        os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
        mode,
    )

    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        yield stream
    os.replace(temporary, path)


def write_new_durable(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 that was not there; it is on the disk when this returns."""
    descriptor = os.open(
        path,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL,
        0o600,
    )
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json_atomic(path: Path, value: Any, mode: int = 0o600, indent: int | None = None) -> None:
    """Write a value as JSON with sorted keys, atomically."""
    content = json_bytes(value, indent)
    write_bytes_atomic(path, content, mode)


def json_bytes(value: Any, indent: int | None = None) -> bytes:
    """A value as a JSON file with sorted keys."""
    text = json.dumps(
        value,
        sort_keys=True,
        indent=indent,
    )
    return f"{text}\n".encode("ascii")


def read_json(path: Path) -> Any:
    """The value of a JSON file, or None if it is missing or incomplete."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def safe_cell(cell: str) -> str:
    """The text of a table cell, quoted if a spreadsheet would evaluate it as a formula."""
    if cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell


def remove_tree(path: Path) -> None:
    """Delete a folder or file that may not exist."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class Signature(NamedTuple):
    """What the file system reports about a file; while it is equal, a recorded hash is trusted."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Signature:
        """The signature of `path`; links are not followed. Raises OSError."""
        return cls.from_stat(os.lstat(path))

    @classmethod
    def if_readable(cls, path: str | os.PathLike[str]) -> Signature | None:
        """The signature of `path`, or None if it does not exist or cannot be read."""
        try:
            return cls.of(path)
        except OSError:
            return None

    @classmethod
    def from_stat(cls, status: os.stat_result) -> Signature:
        """The signature in a stat result."""
        return cls(
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        )


@dataclass(frozen=True)
class Output:
    """One file of a step: path relative to the step's folder, signature, content hash."""

    path: str
    signature: Signature
    sha256: str

    @classmethod
    def scan(cls, root: Path, name: str) -> Output:
        """Hash the file `name` below `root`."""
        path = root / name
        return cls(
            path=name,
            signature=Signature.of(path),
            sha256=sha256_of(path),
        )

    def is_unchanged(self, root: Path, strict: bool) -> bool:
        """Whether the file below `root` still has this content; `strict` hashes it in any case."""
        path = root / self.path
        current = Signature.if_readable(path)
        if current is None:
            return False
        if current == self.signature and not strict:
            return True
        return current.size == self.signature.size and sha256_of(path) == self.sha256

    def to_json(self) -> dict[str, Any]:
        """The output as a plain dict."""
        return {
            "path": self.path,
            "signature": self.signature._asdict(),
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Output:
        """The inverse of `to_json`."""
        return cls(
            path=row["path"],
            signature=Signature(**row["signature"]),
            sha256=row["sha256"],
        )


@dataclass(frozen=True)
class Manifest:
    """All files that a step produced."""

    outputs: tuple[Output, ...]

    @classmethod
    def scan(cls, root: Path) -> Manifest:
        """Hash every file below `root`."""
        names = names_below(root)
        return cls(tuple(Output.scan(root, name) for name in names))

    @property
    def digest(self) -> str:
        """The hash of names and contents, independent of times and folders."""
        contents = [(output.path, output.sha256) for output in self.outputs]
        return digest_of(contents)

    def intact(self, root: Path, strict: bool = False) -> bool:
        """Whether exactly these files, unchanged, are below `root`."""
        names = [output.path for output in self.outputs]
        current_names = names_below(root)
        if names != current_names:
            return False
        return all(output.is_unchanged(root, strict) for output in self.outputs)

    def to_json(self) -> list[dict[str, Any]]:
        """The manifest as plain lists and dicts."""
        return [output.to_json() for output in self.outputs]

    @classmethod
    def from_json(cls, rows: Iterable[dict[str, Any]]) -> Manifest:
        """The inverse of `to_json`."""
        return cls(tuple(Output.from_json(row) for row in rows))


def names_below(root: Path) -> list[str]:
    """Sorted POSIX paths of all files below `root`; empty if `root` is missing."""
    paths: list[str] = []
    for folder, _, names in os.walk(root):
        prefix = os.path.relpath(folder, root)
        if prefix == ".":
            paths += names
        else:
            paths += [f"{prefix}/{name}" for name in names]
    return sorted(paths)
