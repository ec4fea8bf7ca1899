"""Content hashes and atomic writes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """The SHA-256 of a JSON-able value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_bytes_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that it is there completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(content)
    os.replace(temporary, path)


def write_json_atomic(path: Path, value: Any, mode: int = 0o600, indent: int | None = None) -> None:
    """Write a value as JSON with sorted keys, atomically."""
    text = json.dumps(value, sort_keys=True, indent=indent)
    write_bytes_atomic(path, f"{text}\n".encode("ascii"), mode)


def read_json(path: Path) -> Any:
    """The value of a JSON file, or None where it is missing or cut."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def safe_cell(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def remove_tree(path: Path) -> None:
    """Delete a folder or file that may not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Signature:
    """What the file system says of a file; while it is equal, a recorded hash is trusted."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Signature:
        """The signature of `path`, links not followed."""
        return cls.from_stat(path.lstat())

    @classmethod
    def from_stat(cls, stat: os.stat_result) -> Signature:
        """The signature in a stat result."""
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


@dataclass(frozen=True)
class Output:
    """One file of a step: path relative to the step's folder, signature, content hash."""

    path: str
    signature: Signature
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All files that a step produced."""

    outputs: tuple[Output, ...]

    @classmethod
    def scan(cls, root: Path) -> Manifest:
        """Hash every file below `root`."""
        return cls(
            tuple(
                Output(name, Signature.of(root / name), sha256_of(root / name))
                for name in names_below(root)
            )
        )

    @property
    def digest(self) -> str:
        """The hash of names and contents; times and places do not count."""
        return digest_of([(output.path, output.sha256) for output in self.outputs])

    def intact(self, root: Path, strict: bool = False) -> bool:
        """Whether exactly these files, unchanged, are below `root`."""
        if [output.path for output in self.outputs] != names_below(root):
            return False
        return all(_unchanged(root / output.path, output, strict) for output in self.outputs)

    def to_json(self) -> list[dict[str, Any]]:
        """The manifest as plain lists and dicts."""
        return [asdict(output) for output in self.outputs]

    @classmethod
    def from_json(cls, rows: Iterable[dict[str, Any]]) -> Manifest:
        """The inverse of `to_json`."""
        return cls(
            tuple(Output(row["path"], Signature(**row["signature"]), row["sha256"]) for row in rows)
        )


def names_below(root: Path) -> list[str]:
    """Sorted POSIX paths of all files below `root`; empty where `root` is missing."""
    found = []
    for folder, _, names in os.walk(root):
        prefix = os.path.relpath(folder, root)
        found += [name if prefix == "." else f"{prefix}/{name}" for name in names]
    return sorted(found)


def _unchanged(path: Path, output: Output, strict: bool) -> bool:
    try:
        now = Signature.of(path)
    except OSError:
        return False
    if now == output.signature and not strict:
        return True
    return now.size == output.signature.size and sha256_of(path) == output.sha256
