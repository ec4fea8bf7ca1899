"""What the header of an instance says once its face was removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from deidflow.dicom.elements import PIXEL_DATA, encoded
from deidflow.dicom.functional_groups import PER_FRAME_TAG
from deidflow.dicom.pixels import (
    ColourLayout,
    native_bytes,
    vr_of,
)
from deidflow.header.edit import Encoded
from deidflow.header.markers import mark_clean, mark_defaced

_RANGES = (
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
)


@dataclass(frozen=True)
class Defaced:
    """What the header of an instance says once its face was removed."""

    layout: ColourLayout
    lossy: bool
    """The pixels were compressed with loss before."""
    derived: bool
    """ImageType says so too."""
    clean: bool
    """Every image was read for text, or blanked and read."""
    refaced: bool
    """An average face is in its place."""

    def __call__(self, header: Any) -> None:
        """Say so in a header."""
        describe_edited(header, self.layout, lossy=self.lossy)
        mark_defaced(
            header,
            enhanced=PER_FRAME_TAG in header,
            derived=self.derived,
            refaced=self.refaced,
        )
        if self.clean:
            mark_clean(header)


def native_element(cells: NDArray[Any], allocated: int) -> Encoded:
    """The element of native pixel data."""
    element = encoded(
        PIXEL_DATA,
        vr_of(allocated).encode("ascii"),
        native_bytes(cells, allocated),
        explicit=True,
    )
    return {PIXEL_DATA: element}


def describe_edited(header: Any, layout: ColourLayout, *, lossy: bool) -> None:
    """Say how edited pixels are stored, and nothing of the range that they had before.

    `lossy`: they were compressed with loss before.
    """
    layout(header)
    if lossy:
        header.LossyImageCompression = "01"
    for keyword in _RANGES:
        if keyword in header:
            del header[keyword]
