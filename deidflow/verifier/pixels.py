"""Stored values of native pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.checks.cells import Cells
from deidflow.verifier.instance import BIG_ENDIAN, Instance

_FRAMES, _ROWS, _COLUMNS, _SAMPLES = 0x00280008, 0x00280010, 0x00280011, 0x00280002
_PLANAR, _ALLOCATED, _STORED, _HIGH = 0x00280006, 0x00280100, 0x00280101, 0x00280102
_DEFLATED = "1.2.840.10008.1.2.1.99"
_WIDTHS = (8, 16, 32)


def cells_of(instance: Instance) -> Cells | None:
    """Where the stored values are; None where a decoder is needed."""
    pixels = instance.pixels
    if pixels is None or pixels.encapsulated or instance.syntax in (BIG_ENDIAN, _DEFLATED):
        return None
    stored, allocated = instance.short(_STORED), instance.short(_ALLOCATED)
    frames = instance.text(_FRAMES)
    shape = (
        int(frames[:12]) if frames[:12].isdecimal() and int(frames[:12]) else 1,
        instance.short(_ROWS),
        instance.short(_COLUMNS),
        instance.short(_SAMPLES, 1),
    )
    if allocated not in _WIDTHS or int(np.prod(shape)) * allocated // 8 > pixels.end - pixels.start:
        return None

    return Cells(
        start=pixels.start,
        end=pixels.end,
        shape=shape,
        planar=instance.short(_PLANAR) == 1,
        allocated=allocated,
        stored=stored,
        lowest=instance.short(_HIGH, stored - 1) - stored + 1,
    )


def plane_of(instance: Instance) -> NDArray[Any] | None:
    """Stored values of a classic grey image, shape (rows, columns); None for others."""
    cells = cells_of(instance)
    if cells is None or cells.shape[0] != 1 or cells.shape[3] != 1:
        return None
    plane: NDArray[Any] = cells.values(instance.body)[0, :, :, 0]
    return plane
