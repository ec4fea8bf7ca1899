"""Masks evaluated anew: the released NIfTI, looked up for each pixel through its DICOM plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.verifier.cuts import Bools, corners_of, cut, on_grid
from deidflow.verifier.findings import Check, Mark
from deidflow.verifier.instance import Instance
from deidflow.verifier.nifti import Nifti
from deidflow.verifier.pixels import plane_of

_POSITION, _ORIENTATION, _SPACING = 0x00200032, 0x00200037, 0x00280030


@dataclass(frozen=True)
class MaskImage:
    """A released mask: True where voxels were removed, on its grid."""

    removed: Bools
    """Shape (x, y, z)."""
    inverse: NDArray[np.float64]
    """RAS millimetres to voxel indices, shape (4, 4)."""

    @classmethod
    def of(cls, nifti: Nifti) -> MaskImage | None:
        """The mask in a file; None where volumes have different masks, or it has no grid."""
        removed = nifti.voxels() == 0
        if removed.ndim < 3 or np.linalg.det(nifti.affine) == 0:
            return None
        while removed.ndim > 3:
            first = removed[..., :1]
            if not (removed == first).all():
                return None
            removed = removed[..., 0]
        inverse: NDArray[np.float64] = np.linalg.inv(nifti.affine).astype(np.float64)
        return cls(removed, inverse)

    def plane(self, image: Plane, slice_number: int | None = None) -> Bools | None:
        """The removed pixels of an image, shape (rows, columns); None where they are off the grid.

        `slice_number` is the slice that the image is known to be, counted as the mask's third axis.
        """
        to_index = image.to_voxels(self.inverse)
        if slice_number is not None:
            to_index[2] = 0, 0, slice_number
        size = image.values.shape
        whole = on_grid(to_index, size)
        if whole is None:
            return None

        corners = whole[:, 2:] + whole[:, :2] @ corners_of(size)
        lengths = np.array(self.removed.shape)[:, None]
        if (corners < 0).any() or (corners >= lengths).any():
            return None
        return cut(
            self.removed,
            whole,
            size,
        )


@dataclass(frozen=True)
class Plane:
    """One classic image: where its pixels are, and their stored values."""

    name: str
    values: NDArray[Any]
    """Shape (rows, columns)."""
    steps: NDArray[np.float64]
    """Columns of a matrix (3, 3): millimetres (LPS) per row, per column, and the first pixel."""

    @classmethod
    def of(cls, name: str, instance: Instance) -> Plane | None:
        """The plane of an instance; None for what is not one grey image with a place."""
        values = plane_of(instance)
        position = _numbers(
            instance,
            _POSITION,
            3,
        )
        orientation = _numbers(
            instance,
            _ORIENTATION,
            6,
        )
        spacing = _numbers(
            instance,
            _SPACING,
            2,
        )
        if values is None or position is None or orientation is None or spacing is None:
            return None

        along_rows = orientation[3:] * spacing[0]
        along_columns = orientation[:3] * spacing[1]
        return cls(
            name,
            values,
            np.stack(
                [along_rows, along_columns, position],
                axis=1,
            ),
        )

    @property
    def depth(self) -> float:
        """Millimetres along the normal, which is column direction times row direction."""
        normal = np.cross(self.steps[:, 1], self.steps[:, 0])
        return float(normal @ self.steps[:, 2] / np.linalg.norm(normal))

    def to_voxels(self, inverse: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voxel index per row, per column, and of the first pixel, for RAS-to-voxel `inverse`."""
        world = self.steps * [[-1], [-1], [1]]
        indices: NDArray[np.float64] = inverse[:3, :3] @ world
        indices[:, 2] += inverse[:3, 3]
        return indices


@dataclass
class MaskedSeries:
    """The planes of one defaced series, looked up in its mask when all of them are read."""

    masks: list[MaskImage] = field(default_factory=list)
    planes: list[Plane] = field(default_factory=list)

    def shown_faces(self) -> Iterator[str]:
        """Names of the images that show something inside the mask."""
        stack = self.stack()
        for plane in self.planes:
            removed = stack.removed(plane)
            if removed is not None and not is_blank(plane.values, removed):
                yield plane.name

    def stack(self) -> Stack:
        """The masks, and the slices of all planes that were read."""
        depths = sorted({round(plane.depth, 3) for plane in self.planes})
        return Stack(
            tuple(self.masks),
            tuple(depths),
            _is_even(depths),
        )


@dataclass(frozen=True)
class Stack:
    """Masks of a series whose slices are known."""

    masks: tuple[MaskImage, ...]
    depths: tuple[float, ...]
    """Where the slices lie along their normal, in order."""
    is_even: bool

    def removed(self, plane: Plane) -> Bools | None:
        """What the mask removes of a plane, shape (rows, columns); None off the grid."""
        for mask in self.masks:
            number = None if self.is_even else self._number(plane, mask)
            removed = mask.plane(plane, number)
            if removed is not None:
                return removed
        return None

    def _number(self, plane: Plane, mask: MaskImage) -> int | None:
        """The slice by its rank: a stack with gaps has no grid in its NIfTI."""
        count = len(self.depths)
        if count != mask.removed.shape[2]:
            return None
        rank = self.depths.index(round(plane.depth, 3))
        normal = np.cross(plane.steps[:, 1], plane.steps[:, 0]) * [-1, -1, 1]
        rises = mask.inverse[2, :3] @ normal > 0
        return rank if rises else count - 1 - rank


def _is_even(depths: list[float]) -> bool:
    """Whether slices lie at one distance from each other, to a hundredth."""
    gaps = np.diff(depths)
    return not len(gaps) or bool(np.ptp(gaps) <= 0.01 * gaps.mean())


def mask_marks(mask: Nifti) -> Iterator[Mark]:
    """Whether a mask holds zeros and ones only."""
    values = mask.voxels()
    if bool(((values != 0) & (values != 1)).any()):
        yield Mark(
            Check.MASK,
            "mask",
            "holds more than zeros and ones",
        )


def image_marks(image: Nifti, mask: Nifti, *, blank: bool = True) -> Iterator[Mark]:
    """Whether a defaced image shows anything where its mask says that voxels were removed.

    Without `blank` it may: an average face, which only the source tells from the subject's.
    """
    if image.shape != mask.shape:
        yield Mark(
            Check.MASK,
            "mask",
            "has another shape than its image",
        )
        return
    if not blank:
        return

    values, removed = image.voxels(), mask.voxels() == 0
    planes = (
        np.moveaxis(
            values,
            2,
            0,
        ),
        np.moveaxis(
            removed,
            2,
            0,
        ),
    )
    for plane, hidden in zip(*planes, strict=True):
        cells = plane.reshape(*plane.shape[:2], -1)
        hides = hidden.reshape(cells.shape)
        for volume in range(cells.shape[2]):
            if not is_blank(cells[..., volume], hides[..., volume]):
                yield Mark(
                    Check.MASK,
                    "voxels",
                    "show something inside the mask",
                )
                return


def is_blank(values: NDArray[np.generic], removed: Bools) -> bool:
    """Whether all removed pixels of a plane hold one value, so that nothing can be seen in them."""
    cells = values[removed]
    return not len(cells) or bool((cells == cells[:1]).all())


def _numbers(instance: Instance, tag: int, count: int) -> NDArray[np.float64] | None:
    try:
        values = [float(text) for text in instance.text(tag).split("\\")]
    except ValueError:
        return None
    return np.array(values) if len(values) == count else None
