"""The mask as NIfTI: 1 where voxels were kept, on the grid of the defaced image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from deidflow.errors import Withheld
from deidflow.verdicts import Reason


def write_mask(mask: Path | None, image: Path) -> bytes:
    """The bytes of an unsigned 8-bit NIfTI of zeros and ones.

    `mask` is what dcm2niix made of the series whose stored pixels are the mask. Raises Withheld
    where it does not lie on the grid of `image` or is not a mask any more.
    """
    reference = nibabel.load(image)
    if mask is None:
        raise Withheld(Reason.CONVERT_FAILED, "mask and image differ in outputs")
    loaded = nibabel.load(mask)
    if loaded.shape != reference.shape or not np.array_equal(loaded.affine, reference.affine):
        raise Withheld(Reason.CONVERT_FAILED, "mask and image differ in geometry")
    kept = _stored(loaded)
    levels = np.unique(kept)
    if not np.isin(levels, (0, 1)).all():
        raise Withheld(Reason.CONVERT_FAILED, "the mask was rescaled")
    made = nibabel.Nifti1Image(kept.astype(np.uint8), reference.affine, dtype=np.uint8)
    made.header.set_qform(*reference.get_qform(coded=True))
    made.header.set_sform(*reference.get_sform(coded=True))
    made.header.set_xyzt_units(*reference.header.get_xyzt_units())
    made.header["pixdim"] = reference.header["pixdim"]
    return bytes(made.to_bytes())


def _stored(loaded: Any) -> Any:
    """Values as stored, without slope and intercept; of a colour image the first component."""
    values = loaded.dataobj.get_unscaled()
    return values[values.dtype.names[0]] if values.dtype.names else values
