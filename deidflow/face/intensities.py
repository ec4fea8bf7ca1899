"""Intensities made comparable: windowed, the receive field flattened, ranked."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from deidflow.face.affine import Array
from deidflow.face.grids import on_even_grid
from deidflow.face.heads import head_mask, head_threshold
from deidflow.face.volume import Image, Values, flags_of, float_like, values_of, view_of

AIR_CEILING = 0.12
"""Ranked intensities: air lies below it, the head above."""
_DARKEST_BRIGHT, _FEWEST_BRIGHT = 0.02, 100
_FLATTEN_MM, _LEAST_WEIGHT, _LEAST_BIAS = 28.0, 0.02, 0.15
_RANKS, _FEWEST_RANKED = 65, 500
_RANKED_MM = 4.0


def window(image: Image) -> Image:
    """Intensities from the .5th percentile to the 99th of what is brighter, as 0 to 1."""
    values = view_of(image)
    low = float(np.percentile(values, 0.5))
    top = float(np.percentile(values, 99.5))

    bright = values[values > low + _DARKEST_BRIGHT * (top - low)]
    high = float(values.max())
    if bright.size > _FEWEST_BRIGHT:
        high = float(np.percentile(bright, 99))

    least_width = max(1e-6, 1e-5 * abs(low))
    return sitk.IntensityWindowing(
        image,
        windowMinimum=low,
        windowMaximum=max(high, low + least_width),
        outputMinimum=0.0,
        outputMaximum=1.0,
    )


def flattened_ranks(windowed: Image) -> Image:
    """A windowed head at 4 mm with its receive field flattened and intensities as ranks."""
    coarse = on_even_grid(windowed, _RANKED_MM)
    flat = flatten(coarse, head_mask(coarse))
    return rank(window(flat))


def flatten(image: Image, head: Image) -> Image:
    """Homomorphic flattening of the receive field inside the head."""
    values = values_of(image)
    inside = flags_of(head)
    weights = inside.astype(np.float32)

    weight = _smooth(weights, image)
    field = _smooth(values * weights, image)
    bias = field / np.maximum(weight, _LEAST_WEIGHT)
    bias[weight <= _LEAST_WEIGHT] = 0

    median = 1.0
    if inside.any():
        median = np.median(bias[inside])
    least = _LEAST_BIAS * median
    flat = values / np.maximum(bias, least)
    return float_like(flat * median, image)


def _smooth(values: Values, image: Image) -> Values:
    """Values smoothed by a Gaussian much wider than anatomy."""
    smoothed = sitk.SmoothingRecursiveGaussian(
        float_like(values, image),
        sigma=_FLATTEN_MM,
    )
    return values_of(smoothed)


def rank(image: Image) -> Image:
    """Air linear up to AIR_CEILING, head voxels above it by rank: invariant to monotone changes."""
    values = values_of(image)
    threshold = head_threshold(image)
    head = values[values > threshold]
    if head.size < _FEWEST_RANKED:
        return image

    percentile = float(np.percentile(values, 1))
    low = min(percentile, threshold - 1e-6)
    steps = _rising_quantiles(head)
    levels = np.linspace(
        start=AIR_CEILING,
        stop=1,
        num=_RANKS,
    )

    ranked = np.interp(
        values,
        xp=np.r_[low, steps],
        fp=np.r_[0.0, levels],
    )
    return float_like(ranked, image)


def _rising_quantiles(values: Values) -> Array:
    """Equally spaced quantiles, made to rise where many values are the same."""
    shares = np.linspace(
        start=0,
        stop=1,
        num=_RANKS,
    )
    quantiles = np.quantile(values, shares)
    spread = quantiles[-1] - quantiles[0] + 1e-9
    rising = quantiles + np.arange(_RANKS) * 1e-6 * spread
    steps: Array = np.maximum.accumulate(rising)
    return steps
