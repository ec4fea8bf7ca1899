"""NIfTI-1 and NIfTI-2 read by their bytes: what stands beside geometry, and the voxels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.reader import MOST_BYTES

_GZIP = b"\x1f\x8b"
_FIRST, _SECOND = 348, 540
_TEXT_FIELDS = {
    _FIRST: (
        ("data_type", 4, 10), ("db_name", 14, 18), ("descrip", 148, 80), ("aux_file", 228, 24),
        ("intent_name", 328, 16),
    ),
    _SECOND: (("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)),
}  # fmt: skip
"""Name, offset and length of the text fields, per size of the header."""
_RGB = 128
_KINDS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}


class NotNifti(ValueError):
    """The bytes are not a NIfTI file that can be read."""


@dataclass(frozen=True)
class Nifti:
    """One file: its content, inflated, and where things are in it."""

    content: bytes
    size: int
    """Bytes of the header: 348 or 540."""
    order: str
    problems: tuple[str, ...] = ()
    """What is wrong with the compressed file around it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        if self.size == _FIRST:
            dimensions = struct.unpack_from(
                f"{self.order}8h",
                self.content,
                40,
            )
        else:
            dimensions = struct.unpack_from(
                f"{self.order}8q",
                self.content,
                16,
            )

        return tuple(max(int(length), 1) for length in dimensions[1 : 1 + dimensions[0]])

    @property
    def offset(self) -> int:
        """Where the voxels start."""
        if self.size == _FIRST:
            return int(
                struct.unpack_from(
                    f"{self.order}f",
                    self.content,
                    108,
                )[0]
            )

        return int(
            struct.unpack_from(
                f"{self.order}q",
                self.content,
                168,
            )[0]
        )

    @property
    def voxel_bytes(self) -> int:
        """Bytes of all voxels."""
        place = 72 if self.size == _FIRST else 14
        bits = int(
            struct.unpack_from(
                f"{self.order}h",
                self.content,
                place,
            )[0]
        )
        return int(np.prod(self.shape, dtype=np.int64)) * bits // 8

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel indices to RAS millimetres: the sform, shape (4, 4)."""
        if self.size == _FIRST:
            rows = struct.unpack_from(
                f"{self.order}12f",
                self.content,
                280,
            )
        else:
            rows = struct.unpack_from(
                f"{self.order}12d",
                self.content,
                400,
            )

        matrix = np.eye(4)
        matrix[:3] = np.reshape(rows, (3, 4))
        return matrix

    def voxels(self) -> NDArray[np.generic]:
        """Stored values, first axis fastest; raises NotNifti for types that are not read."""
        place = 70 if self.size == _FIRST else 12
        code = int(
            struct.unpack_from(
                f"{self.order}h",
                self.content,
                place,
            )[0]
        )
        if code == _RGB:
            return self._colours()

        if code not in _KINDS:
            raise NotNifti

        kind = np.dtype(f"{self.order}{_KINDS[code]}")
        count = int(np.prod(self.shape, dtype=np.int64))
        flat = np.frombuffer(
            self.content,
            dtype=kind,
            count=count,
            offset=self.offset,
        )
        return flat.reshape(self.shape, order="F")

    def _colours(self) -> NDArray[np.generic]:
        """Three bytes of colour as one number per voxel."""
        count = 3 * int(np.prod(self.shape, dtype=np.int64))
        flat = np.frombuffer(
            self.content,
            dtype="u1",
            count=count,
            offset=self.offset,
        )
        parts = flat.reshape((3, *self.shape), order="F").astype("u4")
        packed: NDArray[np.generic] = parts[0] | parts[1] << 8 | parts[2] << 16
        return packed


def read_nifti(packed: bytes) -> Nifti:
    """Read a .nii or .nii.gz file; raises NotNifti for other bytes."""
    problems: tuple[str, ...] = ()
    content = packed
    if packed[:2] == _GZIP:
        content, problems = _inflated(packed)
    for order in "<>":
        size = int.from_bytes(
            content[:4],
            "little" if order == "<" else "big",
        )
        if size in _TEXT_FIELDS and len(content) >= size + 4:
            return Nifti(
                content,
                size,
                order,
                problems,
            )

    raise NotNifti


def nifti_marks(nifti: Nifti) -> Iterator[Mark]:
    """What a NIfTI file holds beside geometry and voxels."""
    for words in nifti.problems:
        yield Mark(
            Check.NIFTI,
            "gzip",
            words,
        )

    for name, start, length in _TEXT_FIELDS[nifti.size]:
        if any(nifti.content[start : start + length]):
            yield Mark(
                Check.NIFTI,
                name,
                "holds text",
            )

    has_extension = nifti.content[nifti.size] != 0
    if has_extension or nifti.offset != nifti.size + 4:
        yield Mark(
            Check.NIFTI,
            "extension",
            "something stands between header and voxels",
        )

    if len(nifti.content) != nifti.offset + nifti.voxel_bytes:
        yield Mark(
            Check.NIFTI,
            "voxels",
            "are more or fewer bytes than the header says",
        )


def _inflated(packed: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The content of a gzip file, and what its wrapping says (RFC 1952)."""
    stream = zlib.decompressobj(31)
    try:
        content = stream.decompress(packed, MOST_BYTES)
    except zlib.error:
        raise NotNifti from None

    problems = []
    if packed[3] & 0x1C:
        problems.append("holds a file name, comment or extra field")
    if any(packed[4:8]):
        problems.append("holds a time")
    if stream.unused_data or not stream.eof:
        problems.append("has bytes after its end, or is cut")
    return content, tuple(problems)
