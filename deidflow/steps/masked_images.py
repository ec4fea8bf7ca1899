"""The NIfTI of a masked series and of its mask, by either of two ways with one result.

Where each instance is a slice of the volume that `convert` made, pixel on voxel with equal values,
the slice is overwritten. Else dcm2niix converts the masked pixels, and the mask in their place.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deidflow.dicom.geometry import Plane
from deidflow.dicom.partial import PartialFile
from deidflow.dicom.stored_values import Stored
from deidflow.header.profile import Profile
from deidflow.identity.workorder import SeriesOrder, WorkOrder
from deidflow.nifti.convert import Converted, convert
from deidflow.nifti.mask import mask_beside, write_mask
from deidflow.nifti.placed import Arrangement, Voxels, arrangement_of, volume_of
from deidflow.steps.series_images import release_images
from deidflow.steps.tool_files import save_for_tool
from deidflow.store.gzipped import packed, unpacked

_LARGEST_BYTES = 512 << 20
"""Of a volume that is overwritten in memory."""
_SUFFIX = ".nii.gz"


class NotPlacedError(Exception):
    """The converted volume does not hold the values of the source at their places."""


@dataclass(frozen=True)
class MaskedInstance:
    """One instance before and after masking; cells (frames, rows, columns, samples)."""

    number: int
    content: bytes
    image: PartialFile
    before: Stored
    after: Stored
    removed: NDArray[np.bool_]
    """Which pixels are removed, (frames, rows, columns)."""
    decoded: bool
    """The source is compressed."""
    had_overlay: bool
    """Bits outside the stored values were cleared."""


class MaskedImages(Protocol):
    """Makes the images of a series from its instances."""

    def add(self, instance: MaskedInstance) -> None:
        """Take the next instance."""

    def release(self, folder: Path, masks: Path) -> None:
        """Write image and sidecar into the folder of the series, the mask into another."""


@dataclass(frozen=True)
class ToolImages:
    """Lets dcm2niix convert the instances, in the private folder `work`."""

    work: Path
    log: Path
    order: WorkOrder
    series: SeriesOrder
    profile: Profile

    def add(self, instance: MaskedInstance) -> None:
        """Keep the instance with its own header: masked, and with the mask as its pixels."""
        cells = instance.after
        shown = np.broadcast_to(~instance.removed[..., None], cells.shape)
        values = {"image": cells, "mask": shown.astype(cells.dtype)}
        for kind, array in values.items():
            folder = self.work / kind
            folder.mkdir(parents=True, exist_ok=True)
            save_for_tool(
                instance.content,
                instance.image,
                array,
                instance.decoded,
                folder / f"{instance.number:06d}.dcm",
            )

    def release(self, folder: Path, masks: Path) -> None:
        """Convert both, and write image, mask and sidecar."""
        images = convert(
            self.work / "image",
            self.work / "image.out",
            self.log,
        )
        converted_masks = convert(
            self.work / "mask",
            self.work / "mask.out",
            self.log,
        )
        release_images(
            images,
            folder,
            stem="defaced",
            order=self.order,
            series=self.series,
            profile=self.profile,
        )

        by_suffix = {mask.suffix: mask for mask in converted_masks}
        for image in images:
            _write_mask(image, by_suffix.get(image.suffix), masks)


def _write_mask(image: Converted, mask: Converted | None, folder: Path) -> None:
    path = None if mask is None else mask.nifti
    content = write_mask(path, image.nifti)
    target = folder / f"defaced_mask{image.suffix}{_SUFFIX}"
    target.write_bytes(packed(content))


@dataclass(frozen=True)
class PlacedImages:
    """Overwrites the slices of a volume that `convert` made of the same instances."""

    source: Path
    """The volume: its sidecar and gradients lie beside it."""
    head: bytes
    """What comes before its voxels."""
    arrangement: Arrangement
    voxels: Voxels
    """Its voxels as slices (slices, rows, columns)."""
    kept: Voxels
    """The mask: 1 where they stay."""

    @classmethod
    def of(cls, converted: Path, planes: Sequence[Sequence[Plane]]) -> PlacedImages | None:
        """For instances of these planes; None unless each is one slice of the only volume."""
        paths = list(converted.glob(f"*{_SUFFIX}"))
        if len(paths) != 1 or any(len(of_instance) != 1 for of_instance in planes):
            return None
        content = unpacked(paths[0], _LARGEST_BYTES)
        volume = None if content is None else volume_of(content)
        if volume is None:
            return None

        single = [of_instance[0] for of_instance in planes]
        arrangement = arrangement_of(volume, single)
        if arrangement is None:
            return None
        voxels = arrangement.stacked(volume.voxels)
        return cls(
            source=paths[0],
            head=volume.head,
            arrangement=arrangement,
            voxels=voxels,
            kept=np.ones(voxels.shape, np.uint8),
        )

    def add(self, instance: MaskedInstance) -> None:
        """Overwrite the slice of an instance; raises NotPlacedError where it is not its own."""
        index = self.arrangement.slices[instance.number - 1]
        voxels = self.voxels[index]
        before = _plane_of(instance.before, voxels)
        after = _plane_of(instance.after, voxels)
        if before is None or after is None or not np.array_equal(before, voxels):
            raise NotPlacedError
        voxels[...] = after
        self.kept[index] = ~instance.removed[0]

    def release(self, folder: Path, masks: Path) -> None:
        """Write image and mask, and the sidecar of `convert`."""
        stem = self.source.name.removesuffix(_SUFFIX)
        suffix = stem.removeprefix("image")
        voxels = self.arrangement.unstacked(self.voxels)
        content = self.head + voxels.tobytes("F")
        (folder / f"defaced{suffix}{_SUFFIX}").write_bytes(packed(content))
        mask = mask_beside(self.arrangement.unstacked(self.kept), content)
        (masks / f"defaced_mask{suffix}{_SUFFIX}").write_bytes(packed(mask))

        for path in sorted(self.source.parent.glob(f"{stem}.*")):
            if path != self.source:
                shutil.copyfile(path, folder / f"defaced{suffix}{path.suffix}")


def _plane_of(cells: Stored, voxels: Voxels) -> NDArray[Any] | None:
    """The only frame of grey cells in the type of a volume; None where they are not of its size."""
    if cells.shape != (1, *voxels.shape, 1) or cells.dtype.itemsize != voxels.dtype.itemsize:
        return None
    return cells[0, ..., 0].view(voxels.dtype)
