"""The mask as NIfTI: 1 where voxels were kept, on the grid of the defaced image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from deidflow.errors import Withheld
from deidflow.verdicts import Reason


def write_mask(mask: Path | None, image: Path) -> bytes:
    """The bytes of an unsigned 8-bit NIfTI of zeros and ones.

    `mask` is what dcm2niix made of the series whose stored pixels are the mask. Raises Withheld if
    it does not lie on the grid of `image` or is no longer a mask.
    """
    if mask is None:
        raise Withheld(
            Reason.CONVERT_FAILED,
            "mask and image differ in outputs",
        )

    reference = nibabel.load(image)
    loaded = nibabel.load(mask)
    if not _on_one_grid(loaded, reference):
        raise Withheld(
            Reason.CONVERT_FAILED,
            "mask and image differ in geometry",
        )

    kept = _stored(loaded)
    if not 0 <= kept.min() <= kept.max() <= 1:
        raise Withheld(
            Reason.CONVERT_FAILED,
            "the mask was rescaled",
        )
    return _with_geometry(kept, reference)


def _on_one_grid(mask: Any, image: Any) -> bool:
    """Whether two NIfTI images have their voxels at the same places."""
    if mask.shape != image.shape:
        return False
    return np.array_equal(mask.affine, image.affine)


def mask_beside(kept: NDArray[Any], image: bytes) -> bytes:
    """The same of voxels that lie on the grid of the NIfTI whose bytes are `image`."""
    return _with_geometry(kept, nibabel.Nifti1Image.from_bytes(image))


def _with_geometry(kept: NDArray[Any], reference: Any) -> bytes:
    """A mask as the bytes of a NIfTI, its geometry written as in a reference image."""
    result = nibabel.Nifti1Image(
        kept.astype(np.uint8),
        affine=reference.affine,
        dtype=np.uint8,
    )
    header = result.header
    header.set_qform(*reference.get_qform(coded=True))
    header.set_sform(*reference.get_sform(coded=True))
    header.set_xyzt_units(*reference.header.get_xyzt_units())
    header["pixdim"] = reference.header["pixdim"]
    return bytes(result.to_bytes())


def _stored(loaded: Any) -> NDArray[Any]:
    """Values as stored, without slope and intercept; of a colour image the first component."""
    values: NDArray[Any] = loaded.dataobj.get_unscaled()
    names = values.dtype.names
    if names is None:
        return values

    component: NDArray[Any] = values[names[0]]
    return component
