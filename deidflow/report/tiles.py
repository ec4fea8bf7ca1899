"""Pictures of one size from arrays: grey ones as WebP, outlines as transparent PNG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

Values = NDArray[Any]

_OUTLINE = (255, 122, 89, 255)
_FRAME_PIXELS = 4


@dataclass(frozen=True)
class Size:
    """How large and how good pictures are."""

    pixels: int = 440
    quality: int = 80


@dataclass(frozen=True)
class Greys:
    """The values that are shown as black and as white."""

    black: float
    white: float

    def grey(self, values: Values) -> Values:
        """Values as 0 to 255."""
        span = max(self.white - self.black, 1e-6)
        share = (values - self.black) / span
        scaled = np.clip(share * 255, 0, 255)
        return scaled.astype(np.uint8)


def grey_tile(values: Values, size: Size) -> bytes:
    """A square WebP of grey values (rows, columns), black around them."""
    picture = Picture.fromarray(np.ascontiguousarray(values))
    square = _in_square(
        picture,
        size,
        Picture.Resampling.BICUBIC,
    )
    stream = io.BytesIO()
    colour = square.convert("RGB")
    colour.save(
        stream,
        "WEBP",
        quality=size.quality,
        method=4,
    )
    return stream.getvalue()


def outline_tile(region: Values, size: Size) -> bytes:
    """A square PNG of a region's border (rows, columns), transparent but for it."""
    values = region.astype(np.uint8) * 255
    picture = Picture.fromarray(np.ascontiguousarray(values))
    square = _in_square(
        picture,
        size,
        Picture.Resampling.BILINEAR,
    )
    inside = np.asarray(square) > 127
    inner = ndimage.binary_erosion(inside, border_value=1)
    colours = np.zeros((*inside.shape, 4), np.uint8)
    colours[inside & ~inner] = _OUTLINE

    stream = io.BytesIO()
    two_colours = Picture.fromarray(colours).quantize(2)
    two_colours.save(
        stream,
        "PNG",
        optimize=True,
    )
    return stream.getvalue()


def box_around(pictures: list[Values]) -> tuple[slice, slice]:
    """Rows and columns outside which every picture is black, and a little more."""
    seen = np.any(pictures, axis=0)
    if not seen.any():
        return slice(None), slice(None)
    rows = np.flatnonzero(seen.any(axis=1))
    columns = np.flatnonzero(seen.any(axis=0))
    return _span(rows), _span(columns)


def _span(indices: Values) -> slice:
    first = int(indices[0]) - _FRAME_PIXELS
    last = int(indices[-1]) + _FRAME_PIXELS
    return slice(max(0, first), last + 1)


def _in_square(
    picture: Picture.Image,
    size: Size,
    resampling: Picture.Resampling,
) -> Picture.Image:
    """The picture as large as fits into a black square."""
    scale = size.pixels / max(picture.size)
    width = max(1, round(picture.width * scale))
    height = max(1, round(picture.height * scale))
    fitted = picture.resize((width, height), resampling)
    left = (size.pixels - width) // 2
    top = (size.pixels - height) // 2
    square = Picture.new("L", (size.pixels, size.pixels))
    square.paste(fitted, (left, top))
    return square
