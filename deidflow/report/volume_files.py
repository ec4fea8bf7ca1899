"""The volumes behind the views of a series, as NIfTI files of 8 bits that a browser shows."""

from __future__ import annotations

from enum import StrEnum

import nibabel
import numpy as np

from deidflow.face.affine import index_to_world
from deidflow.report.views import Values, Volumes

_MOST_VOXELS = 3_000_000
"""What software that draws without a graphics card turns smoothly; a whole head then has 1.5 mm."""
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class VolumeKind(StrEnum):
    """Which volume of a series."""

    BEFORE = "before"
    AFTER = "after"
    MASK = "mask"


def volume_file(volumes: Volumes, kind: VolumeKind) -> bytes | None:
    """One volume of a series on the grid of its views or a coarser one, uncompressed.

    None where there is none.

    Greys are those of the pictures, 0 to 255; the mask is 1 where something was removed.
    """
    values = _values(volumes, kind)
    if values is None:
        return None
    step = max(1.0, float(np.cbrt(values.size / _MOST_VOXELS)))
    picks = [np.arange(0, length, step).astype(int) for length in values.shape]
    thinned = values[np.ix_(*picks)].transpose(2, 1, 0)

    affine = np.eye(4)
    affine[:3] = index_to_world(volumes.grid)
    affine[:3, :3] *= step
    image = nibabel.Nifti1Image(
        thinned.astype(np.uint8),
        _LPS_TO_RAS @ affine,
    )
    content: bytes = image.to_bytes()
    return content


def _values(volumes: Volumes, kind: VolumeKind) -> Values | None:
    if kind is VolumeKind.MASK:
        return volumes.removed
    values = volumes.before if kind is VolumeKind.BEFORE else volumes.after
    return None if values is None else volumes.greys.grey(values)
