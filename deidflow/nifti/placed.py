"""Where the planes of a series lie in the volume that dcm2niix made of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from deidflow.dicom.geometry import Plane
from deidflow.nifti.header import HEADER_BYTES, read_header

Voxels = NDArray[Any]
_LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_OFF = 0.05
"""Voxels that a pixel may lie off its voxel: affines are kept in 32 bits."""


@dataclass(frozen=True)
class Volume:
    """A volume: the bytes of its file up to the voxels, and the voxels (x, y, z)."""

    head: bytes
    voxels: Voxels
    affine: NDArray[np.float64]
    """From index to RAS, shape (4, 4)."""


def volume_of(content: bytes) -> Volume | None:
    """The volume in a NIfTI-1 file; None for several volumes, colours, and numbers that are not
    whole."""
    header = read_header(io.BytesIO(content))
    if header is None or header["sizeof_hdr"] != HEADER_BYTES:
        return None
    shape = header.get_data_shape()
    kind = header.get_data_dtype()
    start = int(header["vox_offset"])
    if len(shape) != 3 or kind.kind not in "iu":
        return None

    try:
        affine = nibabel.Nifti1Image.from_bytes(content).affine
    except (ImageFileError, ValueError):
        return None
    voxels = np.frombuffer(content, kind, int(np.prod(shape)), start)
    return Volume(
        head=content[:start],
        voxels=voxels.reshape(shape, order="F"),
        affine=affine,
    )


@dataclass(frozen=True)
class _Run:
    """Rows or columns of pixels along an axis of a volume."""

    axis: int
    forward: bool


@dataclass(frozen=True)
class Arrangement:
    """How planes of one orientation fill a volume, pixel on voxel."""

    shape: tuple[int, ...]
    across: int
    """The axis of the volume along which they are stacked."""
    down: _Run
    aside: _Run
    slices: tuple[int, ...]
    """The index of each plane along that axis."""

    def stacked(self, voxels: Voxels) -> Voxels:
        """Voxels (x, y, z) as slices (slices, rows, columns)."""
        slices, rows, columns = (self.shape[axis] for axis in self._axes)
        stack = np.empty((slices, rows, columns), voxels.dtype)
        view = self._as_volume(stack)
        # Layer by layer: what is read of it stays in the processor's cache until it is written.
        for layer in range(self.shape[2]):
            view[..., layer] = voxels[..., layer]
        return stack

    def unstacked(self, stack: Voxels) -> Voxels:
        """The reverse, x fastest."""
        view = self._as_volume(stack)
        voxels = np.empty(self.shape, stack.dtype, order="F")
        for layer in range(self.shape[2]):
            voxels[..., layer] = view[..., layer].copy(order="K")
        return voxels

    @property
    def _axes(self) -> tuple[int, int, int]:
        return self.across, self.down.axis, self.aside.axis

    def _as_volume(self, stack: Voxels) -> Voxels:
        """A view (x, y, z) of slices."""
        rows = slice(None, None, 1 if self.down.forward else -1)
        columns = slice(None, None, 1 if self.aside.forward else -1)
        return stack[:, rows, columns].transpose(np.argsort(self._axes))


def arrangement_of(volume: Volume, planes: Sequence[Plane]) -> Arrangement | None:
    """How planes fill a volume; None unless each fills a slice of it, and no slice is left over."""
    try:
        to_index = np.linalg.inv(_LPS_OF_RAS @ volume.affine)
    except np.linalg.LinAlgError:
        return None

    shape = volume.voxels.shape
    directions: set[tuple[int, _Run, _Run]] = set()
    slices: list[int] = []
    for plane in planes:
        place = _place(to_index, plane, shape)
        if place is None:
            return None
        directions.add(place[:3])
        slices.append(place[3])

    if len(directions) != 1:
        return None
    ((across, down, aside),) = directions
    if sorted(slices) != list(range(shape[across])):
        return None
    return Arrangement(
        shape=shape,
        across=across,
        down=down,
        aside=aside,
        slices=tuple(slices),
    )


def _place(
    to_index: NDArray[Any], plane: Plane, shape: tuple[int, ...]
) -> tuple[int, _Run, _Run, int] | None:
    """Across which axis a plane lies, how its columns and rows run, and which slice it is."""
    along_rows = plane.row_direction * plane.column_spacing * (plane.columns - 1)
    along_columns = plane.column_direction * plane.row_spacing * (plane.rows - 1)
    corners = np.stack([plane.origin, plane.origin + along_rows, plane.origin + along_columns])
    exact = corners @ to_index[:3, :3].T + to_index[:3, 3]
    first, right, bottom = np.rint(exact).astype(int)
    if not np.abs(exact - (first, right, bottom)).max() <= _OFF:
        return None

    aside = _run(first, right, plane.columns, shape)
    down = _run(first, bottom, plane.rows, shape)
    if aside is None or down is None or aside.axis == down.axis:
        return None
    across = 3 - aside.axis - down.axis
    index = int(first[across])
    if not 0 <= index < shape[across]:
        return None
    return across, down, aside, index


def _run(
    first: NDArray[np.int_], last: NDArray[np.int_], count: int, shape: tuple[int, ...]
) -> _Run | None:
    """How pixels lie of which the first and the last have these indices; None unless they fill an
    axis from end to end."""
    moved = np.flatnonzero(first != last)
    if len(moved) != 1:
        return None
    axis = int(moved[0])
    ends = int(first[axis]), int(last[axis])
    if shape[axis] != count or sorted(ends) != [0, count - 1]:
        return None
    return _Run(axis, forward=ends[0] == 0)
