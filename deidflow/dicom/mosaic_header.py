"""What the header of a Siemens mosaic says of its tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

MOSAIC_COUNT = 0x0019100A
"""Siemens: the number of tiles of a mosaic."""
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class MosaicHeader:
    """Number of tiles and slice normal in the CSA header of a Siemens image."""

    count: int | None
    normal: Vector | None

    def is_against(self, normal: Vector) -> bool:
        """Whether slices are counted against a normal."""
        if self.normal is None:
            return False
        return bool(self.normal @ normal < 0)


def mosaic_header(header: Any) -> MosaicHeader:
    """What the CSA header says; nothing where it cannot be read."""
    from nibabel.nicom import csareader

    try:
        fields = csareader.get_csa_header(header, "image")
        normal = csareader.get_slice_normal(fields)
        count = csareader.get_n_mosaic(fields)
        return MosaicHeader(
            count,
            None if normal is None else np.asarray(normal, float),
        )
    except Exception:  # noqa: BLE001 - a library may raise anything on a bad file
        return MosaicHeader(None, None)


def tile_count(header: Any, csa: MosaicHeader) -> int:
    """How many tiles of a mosaic show slices; raises Withheld where nothing says it."""
    element = header.get(MOSAIC_COUNT)
    value = csa.count if element is None else element.value
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little")
    if not value or int(value) < 1:
        raise Withheld(Reason.MOSAIC_TILES)
    return int(value)
