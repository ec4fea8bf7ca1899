"""Reading and writing whole files with as few system calls and copies as possible."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from deidflow.errors import Withheld
from deidflow.header.pixel_element import Chunk
from deidflow.store.files import Signature
from deidflow.verdicts import Reason

_MOST_CHUNKS = 512
"""Buffers per writev; the kernel takes 1024."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600


class FileRange(NamedTuple):
    """A part of an open file, in bytes."""

    descriptor: int
    start: int
    length: int


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A file opened for reading, as a descriptor."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_whole(path: str) -> bytes:
    """The content of a file."""
    with opened(path) as descriptor:
        size = os.fstat(descriptor).st_size
        content = os.read(descriptor, size + 1)
        while len(content) < size:
            rest = os.read(descriptor, size - len(content))
            if not rest:
                break
            content += rest
        return content


def write_new(path: str, chunks: list[Chunk], tail: FileRange | None = None) -> Signature:
    """Write chunks and the bytes of `tail` to a file; returns the file's signature.

    Raises Withheld if `tail` is no longer as long as it was.
    """
    descriptor = os.open(path, _NEW_FILE, PUBLIC_MODE)
    try:
        _write_chunks(descriptor, chunks)
        if tail is not None:
            _append(descriptor, tail)
        return Signature.from_stat(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _write_chunks(descriptor: int, chunks: list[Chunk]) -> None:
    size = sum(map(len, chunks))
    written = 0
    if len(chunks) <= _MOST_CHUNKS:
        written = os.writev(descriptor, chunks)
    if written == size:
        return

    rest = memoryview(b"".join(chunks))[written:]
    while rest:
        written = os.write(descriptor, rest)
        rest = rest[written:]


def _append(descriptor: int, tail: FileRange) -> None:
    offset = tail.start
    remaining = tail.length
    while remaining:
        sent = os.sendfile(
            descriptor,
            tail.descriptor,
            offset,
            remaining,
        )
        if not sent:
            raise Withheld(Reason.SOURCE_CHANGED)
        offset += sent
        remaining -= sent


def write_synced(path: str, content: bytes) -> None:
    """Write a private file and wait until it is on the disk."""
    descriptor = os.open(path, _NEW_FILE, PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
