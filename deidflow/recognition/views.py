"""Renders of a head's surface, by radveil.

The camera depends on the grid alone: the same voxel of two images of one grid is at the same pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.recognition.volumes import HeadVolume

Picture = NDArray[np.uint8]
"""RGB, shape (rows, columns, 3)."""
FRONT_YAWS = (-40.0, -20.0, 0.0, 20.0, 40.0)
"""Degrees; 0 looks at the nose."""
BACK_YAWS = (140.0, 160.0, 180.0, 200.0, 220.0)


class HeadViews:
    """Pictures of one image."""

    def __init__(self, head: HeadVolume, threshold: float | None = None) -> None:
        """`threshold` is the value at the surface; radveil's own where it is None."""
        self._volume = radveil_volume(head)
        self._threshold = threshold

    @property
    def threshold(self) -> float:
        """The value that counts as surface."""
        if self._threshold is None:
            view = self._volume.render(size=16)
            self._threshold = float(view["threshold"])
        return self._threshold

    def picture(self, yaw: float) -> Picture:
        """The head from one side, 512 x 512."""
        picture: Picture = self.render(yaw)["rgb"]
        return picture

    def render(self, yaw: float) -> dict[str, Any]:
        """radveil's own view: `rgb`, `pos` (RAS mm of each pixel's surface), `hit`."""
        view: dict[str, Any] = self._volume.render(
            yaw_deg=yaw,
            threshold=self.threshold,
        )
        return view

    def pictures(self, yaws: Sequence[float]) -> Iterator[Picture]:
        """The head from several sides."""
        for yaw in yaws:
            yield self.picture(yaw)


def radveil_volume(head: HeadVolume) -> Any:
    """The image as radveil takes it."""
    import radveil

    values = np.ascontiguousarray(head.values, np.float32)
    return radveil.Volume.from_array(values, head.affine)
