"""Files written in named blocks, which the next run may copy from the file as it was left."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydantic import BaseModel

from deidflow.store.files import Signature, atomic_file


class Block(NamedTuple):
    """Where a block is in its file, in bytes."""

    start: int
    size: int


class BlockIndex(BaseModel):
    """The blocks of a file, and its signature when it was written."""

    signature: Signature
    blocks: dict[str, Block]


@dataclass(frozen=True)
class EarlierFile:
    """A file as an earlier run left it; without blocks where it was touched since."""

    stream: BinaryIO | None
    blocks: Mapping[str, Block]
    size: int

    def __contains__(self, name: str) -> bool:
        return name in self.blocks

    def block(self, name: str) -> bytes:
        """The content of a block. Raises KeyError for one that is not there."""
        block = self.blocks[name]
        if self.stream is None or not block.size:
            return b""
        self.stream.seek(block.start)
        return self.stream.read(block.size)

    def lines_beside(self, names: Collection[str]) -> Iterator[str]:
        """The lines of everything but these blocks."""
        for start, end in self._gaps(names):
            yield from self._lines(start, end)

    def _gaps(self, names: Collection[str]) -> Iterator[tuple[int, int]]:
        start = 0
        for block in sorted(self.blocks[name] for name in names):
            yield start, block.start
            start = block.start + block.size
        yield start, self.size

    def _lines(self, start: int, end: int) -> Iterator[str]:
        while self.stream is not None and start < end:
            self.stream.seek(start)
            line = self.stream.readline(end - start)
            start += len(line) or end
            yield line.decode("utf-8", "surrogateescape")


NO_FILE = EarlierFile(None, {}, 0)


@contextmanager
def earlier_file(path: Path, index: BlockIndex | None) -> Iterator[EarlierFile]:
    """The file at a path, open while the context is; an empty one where there is none."""
    signature = Signature.if_readable(path)
    if signature is None:
        yield NO_FILE
        return

    is_untouched = index is not None and index.signature == signature
    blocks = index.blocks if index is not None and is_untouched else {}
    with path.open("rb") as stream:
        yield EarlierFile(stream, blocks, signature.size)


class BlockFile:
    """A file while it is written."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._size = 0
        self._blocks: dict[str, Block] = {}

    def write(self, content: bytes, name: str = "") -> None:
        """Add content, as a block where it has a name."""
        self._stream.write(content)
        if name:
            self._blocks[name] = Block(self._size, len(content))
        self._size += len(content)

    def index(self) -> BlockIndex:
        """Where the blocks are; once the file is written."""
        return BlockIndex(signature=Signature.of(self._path), blocks=self._blocks)


@contextmanager
def block_file(path: Path, mode: int = 0o600) -> Iterator[BlockFile]:
    """A file that is there completely when the context ends, or not at all."""
    with atomic_file(path, mode) as stream:
        yield BlockFile(path, stream)
