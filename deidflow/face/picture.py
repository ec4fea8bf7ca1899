"""Sheets for people who may see faces: planes with the outline of the mask, and renderings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from deidflow.face.affine import IDENTITY
from deidflow.face.blocks import affine_of_blocks, block_means, block_sizes
from deidflow.face.grids import upright_grid
from deidflow.face.heads import head_threshold
from deidflow.face.intensities import window
from deidflow.face.morphology import largest, opened, solid
from deidflow.face.volume import (
    Flags,
    Image,
    Values,
    flags_of,
    image_of,
    lps_of,
    spacing_of,
    values_of,
    view_of,
)
from deidflow.store.gzipped import unpacked

_GRID_MM, _PIXELS, _GAP = 2.0, 240, 4
_LARGE_BYTES = 256 << 20
_KEPT, _AIR_HU = 0.5, -1000.0
_BRIGHTEST = 32767
_WHITE_PERCENTILE = 99.5
_QUICK = 1
"""Of the levels of compression: a fifth larger than the best, in a third of the time."""
_WHITE, _OUTLINE = 255, (255, 80, 60)
_SOFTNESS, _DARKEST_GREY, _RANGE_OF_GREYS = 0.8, 60, 195
"""Of a rendering: voxels of smoothing, the darkest grey, and the range of greys."""


@dataclass(frozen=True)
class _Cube:
    """The first volume of a NIfTI on an axis-aligned grid of 2 mm in LPS, (z, y, x), z upwards."""

    values: Values

    @classmethod
    def of(cls, path: Path, outside: float | None = None) -> _Cube:
        """Read a NIfTI; beyond it lies `outside` or the least value, on CT no darker than air."""
        image = _read(path)
        grid = upright_grid(
            image,
            _GRID_MM,
            least=2,
        )
        floor = outside
        if floor is None:
            floor = float(view_of(image).min())
        if floor < _AIR_HU:
            image = sitk.Clamp(
                image,
                outputPixelType=sitk.sitkFloat32,
                lowerBound=_AIR_HU,
                upperBound=_BRIGHTEST,
            )
            floor = _AIR_HU

        resampled = sitk.Resample(
            image,
            referenceImage=grid,
            transform=sitk.Transform(),
            interpolator=sitk.sitkNearestNeighbor,
            defaultPixelValue=floor,
        )
        return cls(values_of(resampled))

    @property
    def head(self) -> Flags:
        """Which voxels show the head."""
        windowed = window(image_of(self.values, IDENTITY * _GRID_MM))
        threshold = head_threshold(windowed[::2, ::2, ::2])
        bright = opened(windowed > threshold, 1)
        return flags_of(solid(largest(bright), 3))

    def planes(self, removed: Flags, white: float) -> list[Values]:
        """Axial, coronal and sagittal cuts through the middle of the mask, its outline drawn."""
        black = float(self.values.min())
        cuts: list[Values] = []
        for axis, index in enumerate(_middle(removed)):
            cut = np.take(
                self.values,
                indices=index,
                axis=axis,
            )
            mask = np.take(
                removed,
                indices=index,
                axis=axis,
            )
            greys = _greys(
                cut,
                black=black,
                white=white,
            )
            cuts.append(_outlined(greys, mask))

        axial, coronal, sagittal = cuts
        return [
            axial,
            coronal[::-1],
            sagittal[::-1],
        ]


def _middle(removed: Flags) -> NDArray[np.int_]:
    """The voxel (z, y, x) in the middle of a mask, of an empty one in the middle of its grid."""
    indices = np.argwhere(removed)
    if not len(indices):
        return np.array(removed.shape) // 2
    middle: NDArray[np.int_] = indices.mean(0).astype(int)
    return middle


def save_sheet(before: Path, after: Path, mask: Path, sheet: Path) -> None:
    """Write a PNG of one NIfTI before (above) and after masking: three planes, front and side.

    `mask` is 1 where voxels were kept, on the grid of `after`.
    """
    first = _Cube.of(before)
    second = _Cube.of(after)
    kept = _Cube.of(mask, outside=1.0)
    removed = kept.values < _KEPT
    white = float(np.percentile(first.values, _WHITE_PERCENTILE))

    head = first.head
    masked_head = head & ~removed
    above = first.planes(removed, white)
    below = second.planes(removed, white)
    above += _renderings(head)
    below += _renderings(masked_head)
    rows = [_row(above), _row(below)]
    sheet.write_bytes(_png(rows))


def _row(pictures: Sequence[Values]) -> Values:
    """Pictures side by side."""
    tiles = [_tile(picture) for picture in pictures]
    return np.concatenate(tiles, axis=1)


def _read(path: Path) -> Image:
    """The first volume of a NIfTI in LPS, averaged to about the grid's spacing."""
    loaded = _loaded(path)
    affine = lps_of(loaded.affine)
    values = _stored(loaded)
    blocks = block_sizes(
        spacing_of(affine),
        values.shape,
        _GRID_MM,
    )
    means = block_means(values.T, blocks[::-1])

    slope = np.float32(loaded.dataobj.slope)
    intercept = np.float32(loaded.dataobj.inter)
    return image_of(
        means * slope + intercept,
        affine=affine_of_blocks(affine, blocks),
    )


def _stored(loaded: Any) -> Values:
    """The first volume as it is stored, not yet in real values; of colours the mean."""
    values = loaded.dataobj.get_unscaled()
    if values.dtype.names:
        components = [values[name].astype(np.float32) for name in values.dtype.names]
        values = np.mean(components, axis=0)
    first: Values = values.reshape(*values.shape[:3], -1)[..., 0]
    return first


def _loaded(path: Path) -> Any:
    """A NIfTI file; unpacked at once unless it is large."""
    content = unpacked(path, _LARGE_BYTES)
    if content is None:
        return nibabel.load(path)
    return nibabel.Nifti1Image.from_bytes(content)


def _greys(values: Values, black: float, white: float) -> Values:
    """Values between black and white as greys of 0 to 255."""
    width = max(white - black, 1e-6)
    scaled = (values - black) / width * _WHITE
    greys: Values = np.clip(
        scaled,
        min=0,
        max=_WHITE,
    )
    return greys


def _outlined(greys: Values, mask: Flags) -> Values:
    """A colour picture of greys with the outline of a mask."""
    picture = _coloured(greys)
    inner = ndimage.binary_erosion(mask)
    picture[mask & ~inner] = _OUTLINE
    return picture


def _renderings(head: Flags) -> list[Values]:
    """The head's surface from the front and from its right side, lit from where it is seen."""
    from_front = head.transpose(1, 0, 2)
    from_right = head.transpose(2, 0, 1)
    return [_lit(from_front), _lit(from_right)]


def _lit(head: Flags) -> Values:
    """The first set voxel along the first axis, shaded by its slope."""
    hit = head.any(0)
    first = head.argmax(0).astype(float)
    first[~hit] = len(head)
    depth = ndimage.gaussian_filter(
        first,
        sigma=_SOFTNESS,
    )
    down, across = np.gradient(depth)

    steepness = np.sqrt(1 + down**2 + across**2)
    light = 1 / steepness
    greys = _DARKEST_GREY + _RANGE_OF_GREYS * light
    greys[~hit] = 0
    picture = _coloured(greys)
    return picture[::-1]


def _coloured(greys: Values) -> Values:
    """Greys as red, green and blue."""
    whole = greys.astype(np.uint8)
    return np.stack(
        [whole] * 3,
        axis=-1,
    )


def _tile(values: Values) -> Values:
    """A picture fitted into a square."""
    picture = Picture.fromarray(np.ascontiguousarray(values))
    picture.thumbnail((_PIXELS, _PIXELS))
    scale = _PIXELS / max(picture.size)
    width = round(picture.width * scale)
    height = round(picture.height * scale)
    picture = picture.resize(
        (width, height),
        resample=Picture.Resampling.BILINEAR,
    )

    side = _PIXELS + _GAP
    left = (_PIXELS - width) // 2
    top = (_PIXELS - height) // 2
    square = Picture.new("RGB", (side, side))
    square.paste(picture, (left, top))
    return np.asarray(square)


def _png(rows: Sequence[Values]) -> bytes:
    """Rows of a picture as the bytes of a PNG."""
    stream = io.BytesIO()
    picture = Picture.fromarray(np.concatenate(rows))
    picture.save(stream, "PNG", compress_level=_QUICK)
    return stream.getvalue()
