"""Which attributes tell where the pixels of an image lie, and what their values stand for."""

from __future__ import annotations

from deidflow.dicom.partial import tags_of

_GE_COMPONENT, _MOSAIC_COUNT, _CSA_IMAGE, _GRID_POSITIONS = (
    0x0043102F,
    0x0019100A,
    0x00291010,
    0x00651051,
)
PLANE_ATTRIBUTES = tags_of(
    "ImageType",
    "Manufacturer",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence",
    "SharedFunctionalGroupsSequence",
    "SpacingBetweenSlices",
    "SliceThickness",
) | {_GE_COMPONENT, _MOSAIC_COUNT, _CSA_IMAGE, _GRID_POSITIONS}
"""What places the planes of an image, and says which component they show."""
IMAGE_ATTRIBUTES = PLANE_ATTRIBUTES | tags_of(
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "PixelPaddingValue",
)
"""What places the planes, and says how their pixels are stored and what they stand for."""
