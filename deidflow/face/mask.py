"""The mask in world coordinates, evaluated on the plane of each stored frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from deidflow.dicom.geometry import Plane
from deidflow.face.affine import Array, apply, as_transform, index_to_world, inverse
from deidflow.face.template import Template, margin_units


@dataclass(frozen=True)
class WorldMask:
    """What is removed around one head: the template's distances, a registration, a margin."""

    template: Template
    affine: Array
    """Subject world -> template world, shape (3, 4)."""
    margin_mm: float

    def removed(self, plane: Plane) -> NDArray[np.bool_]:
        """Which pixels of a plane are removed, shape (rows, columns); no NIfTI affine is involved."""
        grid = sitk.Image([plane.columns, plane.rows, 1], sitk.sitkUInt8)
        directions = np.stack([plane.row_direction, plane.column_direction, plane.normal], 1)
        left, _, right = np.linalg.svd(directions)
        grid.SetDirection((left @ right).ravel().tolist())
        grid.SetSpacing([plane.column_spacing, plane.row_spacing, 1.0])
        grid.SetOrigin(plane.origin.tolist())
        far = float(margin_units(25.0))
        nearest = sitk.Resample(
            self.template.distance,
            grid,
            as_transform(self.affine),
            sitk.sitkNearestNeighbor,
            far,
            sitk.sitkUInt8,
        )
        values: NDArray[np.bool_] = sitk.GetArrayFromImage(nearest)[0] <= margin_units(self.margin_mm)
        return values


def face_in_view(volume: object, affine: Array, template: Template, margin_mm: float) -> float:
    """The share of the template's face, grown by a margin, that lies inside a volume's field of view."""
    to_index = inverse(index_to_world(volume))
    face = apply(inverse(affine), template.points["face"])
    reach = margin_mm / np.linalg.norm(index_to_world(volume)[:, :3], axis=0)
    size = np.array(volume.GetSize())  # type: ignore[attr-defined]
    indices = apply(to_index, face)
    return float(((indices >= -0.5 - reach) & (indices <= size - 0.5 + reach)).all(1).mean())
