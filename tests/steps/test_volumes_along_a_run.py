"""Which volumes of a run are looked at: none is farther than 5 % of it from one of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from deidflow.face.series import HeadSeries
from deidflow.face.volume import values_of
from deidflow.identity.workorder import FileOrder, SeriesOrder, WorkOrder
from deidflow.steps.volumes import read_volumes
from tests.synthetic import mr_instance, save

SLICES = 2


def read(folder: Path, volumes: int, component: str = "M") -> HeadSeries:
    """A run whose volumes hold their own number."""
    files = [
        stored(folder, volume, height, component)
        for volume in range(volumes)
        for height in range(SLICES)
    ]
    order = WorkOrder("P001", "/", "", 0, (), ())
    return read_volumes(order, SeriesOrder("001-MR", "MR", False, False, tuple(files)), folder)


def stored(folder: Path, volume: int, height: int, component: str) -> FileOrder:
    number = volume * SLICES + height
    header = mr_instance(
        SOPInstanceUID=f"1.2.3.{number + 1}",
        InstanceNumber=number + 1,
        ImagePositionPatient=["0", "0", str(height)],
        ImageType=["ORIGINAL", "PRIMARY", component],
    )
    header.PixelData = np.full((8, 8), volume, np.uint16).tobytes()
    path = save(header, folder / f"{component}{number:05}.dcm")
    return FileOrder(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("volumes", [2, 7, 30, 101])
def test_every_volume_is_near_to_one_that_is_looked_at(tmp_path: Path, volumes: int) -> None:
    series = read(tmp_path, volumes)

    later = [float(values_of(volume[0]).mean()) for volume in series.later]
    looked_at = np.array([float(values_of(series.main).mean()), *later])
    away = [np.abs(looked_at - number).min() for number in range(volumes)]
    assert looked_at[0] == 0
    assert looked_at[-1] == volumes - 1
    assert max(away) <= max(0, 0.05 * volumes)
    assert len(looked_at) <= 11


def test_one_volume_is_no_run(tmp_path: Path) -> None:
    series = read(tmp_path, volumes=1)
    assert series.later == ()
    assert len(series.stack_keys) == len(series.stacks) == 1
