"""A member of an archive: its content or the reason why it has none."""

from __future__ import annotations

import gzip
import re
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from deidflow.verdicts import Reason

_DRIVE = re.compile(r"[A-Za-z]:")
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    tarfile.TarError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,
    RecursionError,
    UnicodeError,
    ValueError,
    struct.error,
    OSError,
)
"""What the readers of the standard library raise for archives that are broken."""


@dataclass(frozen=True)
class ArchiveMember:
    """A member: its number from 1, and its content or the reason why it has none."""

    number: int
    stream: IO[bytes] | None
    reason: Reason | None = None
    packed_bytes: int = 0
    """Bytes of the archive that hold the content; 0 where the reader bounds the ratio itself."""


def is_traversal(name: str) -> bool:
    """Whether a member's name leads out of the folder in which it would be unpacked."""
    parts = name.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or bool(_DRIVE.match(name)) or "\0" in name
