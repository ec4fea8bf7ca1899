"""Where stored pixels lie in the patient: one plane for each frame, or tile of a mosaic.

LPS millimetres. The centre of the pixel in row r and column c of a plane is
origin + row_direction * column_spacing * c + column_direction * row_spacing * r (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.errors import Withheld
from deidflow.verdicts import Reason

Vector = NDArray[np.float64]
_GRID_POSITIONS = 0x00651051
_MOSAIC_COUNT = 0x0019100A
_CROOKED = 0.02


@dataclass(frozen=True)
class Plane:
    """A rectangle of stored pixels of one frame and its place in the patient."""

    frame: int
    top: int
    left: int
    rows: int
    columns: int
    origin: Vector
    row_direction: Vector
    column_direction: Vector
    row_spacing: float
    column_spacing: float

    @property
    def normal(self) -> Vector:
        """Row direction x column direction."""
        crossed: Vector = np.cross(self.row_direction, self.column_direction)
        return crossed

    @property
    def height(self) -> float:
        """Position along the normal in mm: the spatial order of slices."""
        return float(self.origin @ self.normal)


def planes(header: Any) -> list[Plane]:
    """The planes of a data set: one a frame, or one a tile of a Siemens mosaic or UIH grid.

    Raises Withheld where a frame has no geometry or the tiles cannot be counted.
    """
    try:
        if header.get("PerFrameFunctionalGroupsSequence"):
            return _functional_groups(header)
        if _GRID_POSITIONS in header and "ImagePositionPatient" not in header:
            return _grid(header)
        if is_mosaic(header):
            return _mosaic(header)
        return [_classic(header)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise Withheld(Reason.NO_GEOMETRY) from None


def is_mosaic(header: Any) -> bool:
    """Whether the image is a Siemens mosaic."""
    if int(header.get("NumberOfFrames") or 1) != 1:
        return False
    types = [str(value).upper() for value in header.get("ImageType") or ()]
    counted = header.get(_MOSAIC_COUNT)
    return "MOSAIC" in types or (
        counted is not None and header.get("Manufacturer", "").upper().startswith("SIEMENS")
    )


def _vector(values: Iterable[Any]) -> Vector:
    return np.array([float(value) for value in values])


def _classic(header: Any) -> Plane:
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise Withheld(Reason.NO_GEOMETRY)
    return _plane(
        header, header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing
    )


def _plane(header: Any, position: Any, orientation: Any, spacing: Any, frame: int = 0) -> Plane:
    directions, steps = _vector(orientation), _vector(spacing)
    if (
        not _is_orthonormal(directions)
        or not np.isfinite(_vector(position)).all()
        or not (steps > 0).all()
    ):
        raise Withheld(Reason.NO_GEOMETRY)
    size = int(header.Rows), int(header.Columns)
    return Plane(
        frame,
        0,
        0,
        *size,
        _vector(position)[:3],
        directions[:3],
        directions[3:6],
        steps[0],
        steps[1],
    )


def _is_orthonormal(directions: Vector) -> bool:
    """Whether rows and columns have unit length and are square to each other (PS3.3 C.7.6.2.1.1)."""
    first, second = directions[:3], directions[3:6]
    off = abs(first @ first - 1), abs(second @ second - 1), abs(first @ second)
    return bool(max(off) < _CROOKED)


def _functional_groups(header: Any) -> list[Plane]:
    shared = (header.get("SharedFunctionalGroupsSequence") or [{}])[0]
    found = []
    for frame, group in enumerate(header.PerFrameFunctionalGroupsSequence):

        def macro(name: str, own: Any = group) -> Any:
            return (own.get(name) or shared.get(name))[0]

        found.append(
            _plane(
                header,
                macro("PlanePositionSequence").ImagePositionPatient,
                macro("PlaneOrientationSequence").ImageOrientationPatient,
                macro("PixelMeasuresSequence").PixelSpacing,
                frame,
            )
        )
    if len(found) != int(header.NumberOfFrames):
        raise Withheld(Reason.NO_GEOMETRY)
    return found


def _tiles(header: Any, count: int, across: int, down: int) -> list[tuple[int, int, int, int]]:
    rows, columns = int(header.Rows) // down, int(header.Columns) // across
    return [
        (index // across * rows, index % across * columns, rows, columns) for index in range(count)
    ]


def _grid(header: Any) -> list[Plane]:
    """UIH: the position of each tile is in a private sequence."""
    items = header[_GRID_POSITIONS].value
    across = math.ceil(math.sqrt(len(items)))
    tiles = _tiles(header, len(items), across, math.ceil(len(items) / across))
    whole = _plane(header, (0, 0, 0), header.ImageOrientationPatient, header.PixelSpacing)
    return [
        _tile(whole, tile, _vector(item.ImagePositionPatient))
        for tile, item in zip(tiles, items, strict=True)
    ]


def _tile(whole: Plane, tile: tuple[int, int, int, int], origin: Vector) -> Plane:
    directions = whole.row_direction, whole.column_direction
    return Plane(0, *tile, origin, *directions, whole.row_spacing, whole.column_spacing)


def _mosaic(header: Any) -> list[Plane]:
    """Siemens: the position is that of the whole mosaic; the sign of the normal is in the CSA header."""
    csa = _csa(header)
    count = _tile_count(header, csa)
    whole = _classic(header)
    across = math.ceil(math.sqrt(count))
    tiles = _tiles(header, count, across, across)
    rows, columns = tiles[0][2:]
    corner = (
        whole.origin + whole.row_direction * whole.column_spacing * (whole.columns - columns) / 2
    )
    corner = corner + whole.column_direction * whole.row_spacing * (whole.rows - rows) / 2
    step = whole.normal * float(header.get("SpacingBetweenSlices") or header.SliceThickness)
    if csa.normal is not None and csa.normal @ whole.normal < 0:
        step = -step
    return [_tile(whole, tile, corner + step * index) for index, tile in enumerate(tiles)]


@dataclass(frozen=True)
class _Csa:
    count: int | None
    normal: Vector | None


def _csa(header: Any) -> _Csa:
    from nibabel.nicom import csareader

    try:
        found = csareader.get_csa_header(header, "image")
        normal = csareader.get_slice_normal(found)
        return _Csa(
            csareader.get_n_mosaic(found), None if normal is None else np.asarray(normal, float)
        )
    except Exception:
        return _Csa(None, None)


def _tile_count(header: Any, csa: _Csa) -> int:
    element = header.get(_MOSAIC_COUNT)
    value = element.value if element is not None else csa.count
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little")
    if not value or int(value) < 1:
        raise Withheld(Reason.MOSAIC_TILES)
    return int(value)
