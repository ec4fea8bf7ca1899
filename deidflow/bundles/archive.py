"""An encrypted zip (WinZip AES-256), written file by file in constant memory.

7-Zip, WinZip, WinRAR, Keka and other common programs open it. Names of files are not encrypted:
those of a release are pseudonyms.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import pyzipper

from deidflow.errors import EnvironmentFault

_CHUNK = 1 << 20
_STORED = (".gz", ".zip", ".png")
"""Files that are compressed already."""
_LEVEL = 4
_MODE = 0o644 << 16


class Writer(Protocol):
    """An open archive."""

    def add_text(self, name: str, text: str) -> None:
        """Add a file of this text."""

    def add_file(self, name: str, path: Path, sha256: str) -> None:
        """Add a file; raises EnvironmentFault where its content has another hash."""


class _ZipWriter:
    def __init__(self, archive: pyzipper.AESZipFile) -> None:
        self._archive = archive

    def add_text(self, name: str, text: str) -> None:
        with self._archive.open(_entry(name), "w") as target:
            target.write(text.encode())

    def add_file(self, name: str, path: Path, sha256: str) -> None:
        try:
            with path.open("rb") as source:
                digest = self._copy(name, source)
        except FileNotFoundError:
            raise _not_as_listed() from None
        if digest != sha256:
            raise _not_as_listed()

    def _copy(self, name: str, source: BinaryIO) -> str:
        """Copy a file into the archive; returns the SHA-256 of what was copied."""
        digest = hashlib.sha256()
        with self._archive.open(
            _entry(name),
            "w",
            force_zip64=True,
        ) as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()


@contextmanager
def new_archive(path: Path, password: str) -> Iterator[Writer]:
    """An archive that is written to `path`, mode 0600; after an error nothing of it is left."""
    descriptor = os.open(
        path,
        os.O_RDWR | os.O_CREAT | os.O_EXCL,
        0o600,
    )

    try:
        with (
            os.fdopen(descriptor, "w+b") as stream,
            pyzipper.AESZipFile(
                stream,
                "w",
                compression=pyzipper.ZIP_DEFLATED,
                compresslevel=_LEVEL,
                encryption=pyzipper.WZ_AES,
            ) as archive,
        ):
            archive.setpassword(password.encode())
            yield _ZipWriter(archive)
        _sync(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def checksums(files: Mapping[str, str]) -> str:
    """Lines for `sha256sum -c`."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))


def _entry(name: str) -> pyzipper.zipfile_aes.AESZipInfo:
    """A member without a date: times of files say when a scan was processed."""
    entry = pyzipper.zipfile_aes.AESZipInfo(name)
    entry.external_attr = _MODE
    is_compressed = name.endswith(_STORED)
    entry.compress_type = pyzipper.ZIP_STORED if is_compressed else pyzipper.ZIP_DEFLATED
    return entry


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _not_as_listed() -> EnvironmentFault:
    return EnvironmentFault(
        "a file of the release is not what manifest.sha256 says; see 'deidflow verify', run "
        "'deidflow run' again, then bundle"
    )
