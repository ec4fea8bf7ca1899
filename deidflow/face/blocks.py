"""Blocks of voxels averaged as they are stored, before anything is made of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from deidflow.face.affine import Array, affine_of, linear_part, offset_part
from deidflow.face.volume import Values


def block_sizes(spacing: Iterable[float], size: Iterable[int], target: float) -> list[int]:
    """How many voxels along each axis make a block of at most about `target` mm."""
    blocks: list[int] = []
    for step, count in zip(spacing, size, strict=True):
        whole = int(target / step + 1e-3)
        blocks.append(min(max(1, whole), count))
    return blocks


def block_means(values: Values, blocks: Sequence[int]) -> Values:
    """The mean of each block, as float32; what is left over at the end of an axis is left out."""
    for axis, size in enumerate(blocks):
        moved = np.moveaxis(values, axis, 0)
        end = len(moved) // size * size
        total = moved[:end:size].astype(np.float32)
        for offset in range(1, size):
            total += moved[offset:end:size]
        values = np.moveaxis(total / np.float32(size), 0, axis)
    return values


def affine_of_blocks(affine: Array, blocks: Sequence[int]) -> Array:
    """The affine of the index of blocks, by that of the voxels."""
    middle = (np.array(blocks) - 1) / 2
    linear = linear_part(affine)
    offset = offset_part(affine) + linear @ middle
    return affine_of(linear * blocks, offset)
