"""A head in the frame of the template, by its true registration: what kinds of heads are made in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from deidflow.face.affine import apply, compose, index_to_world, inverse
from deidflow.face.grids import shrink
from deidflow.face.heads import head_mask
from deidflow.face.intensities import window
from deidflow.face.template import Template
from deidflow.face.template_regions import PAD_LOW
from deidflow.face.volume import flags_of, like, values_of

BRAIN = np.array([88.0, 118.0, 150.0])
"""Its middle, in voxels of the template."""


@dataclass(frozen=True)
class Frame:
    """A head with its true registration, and where its voxels lie in the template."""

    image: Any
    values: Any
    to_template: Any
    """Index (x, y, z) -> template voxels."""
    points: Any
    """Template voxels of every voxel, shape (3, z, y, x)."""
    head: Any
    """Which voxels are head, (z, y, x)."""

    @classmethod
    def of(cls, image: Any, truth: Any, template: Template) -> Frame:
        """The frame of a head (`truth` maps its world to that of the template)."""
        to_voxels = inverse(index_to_world(template.original))
        to_voxels[:, 3] -= PAD_LOW
        to_template = compose(to_voxels, compose(truth, index_to_world(image)))
        z, y, x = np.indices(image.GetSize()[::-1])
        indices = np.stack([x, y, z]).reshape(3, -1).T.astype(float)
        points = apply(to_template, indices).T
        coarse = head_mask(window(shrink(image, 2.0)))

        head = sitk.Resample(
            coarse,
            image,
            sitk.Transform(),
            sitk.sitkNearestNeighbor,
        )
        return cls(
            image=image,
            values=values_of(image).astype(np.float32),
            to_template=to_template,
            points=points.reshape(3, *x.shape),
            head=flags_of(head),
        )

    @property
    def white(self) -> float:
        """The value of white matter: what is bright in the brain."""
        inside = self.distance(BRAIN) < 45
        return float(np.percentile(self.values[inside], 80))

    def distance(self, centre: Any, radii: Any = (1.0, 1.0, 1.0)) -> Any:
        """Distance in mm of the template from a point; 1 at the surface of an ellipsoid of radii."""
        offsets = self.points - np.reshape(centre, (3, 1, 1, 1))
        scaled = offsets / np.reshape(radii, (3, 1, 1, 1))
        return np.sqrt((scaled**2).sum(0))

    def made(self, values: Any) -> Any:
        """An image of other values."""
        return like(values.astype(np.float32), self.image)

    def bent(self, image: Any, source: Any) -> Any:
        """An image with each voxel taken from another place of the template (3, z, y, x)."""
        indices = apply(inverse(self.to_template), source.reshape(3, -1).T)
        values = values_of(image).astype(np.float32)
        flat = ndimage.map_coordinates(
            values,
            indices[:, ::-1].T,
            order=1,
            cval=float(values.min()),
        )
        return like(flat.reshape(self.head.shape), image)
