"""Released DICOM files: the de-identified header with what a series adds to it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.filewriter import dcmwrite

from deidflow.dicom.elements import NotUnderstood
from deidflow.dicom.partial import tags_of
from deidflow.header.edit import Edit, Encoded, HeaderEditor
from deidflow.steps.revisions import renumber

_EDITED = tags_of(
    "ImageType",
    "DeidentificationMethod",
    "DerivationDescription",
    "DeidentificationMethodCodeSequence",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "RecognizableVisualFeatures",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
"""What a series may change in the headers of its instances."""


@dataclass(frozen=True)
class ReleasedFiles:
    """Writes the instances of one series.

    Elements that are not edited are copied; where their bytes are not understood, or UIDs are
    exchanged, pydicom writes all of them anew.
    """

    uids: Mapping[str, str] = field(default_factory=dict)
    """Instance UIDs to exchange wherever they are."""
    editor: HeaderEditor = field(default_factory=lambda: HeaderEditor(_EDITED))

    def write(self, header: bytes, edit: Edit, pixels: Encoded, syntax: str, target: Path) -> None:
        """Write an instance: its header file, edited, with pixel data of a transfer syntax."""
        if self.uids:
            header = self._renumbered(header)
        try:
            content = self.editor.released(header, edit, pixels, syntax)
        except NotUnderstood:
            content = self.editor.released(_plain(header), edit, pixels, syntax)
        target.write_bytes(content)

    def _renumbered(self, header: bytes) -> bytes:
        released = pydicom.dcmread(io.BytesIO(header))
        renumber(released, self.uids)
        return _written(released)


def _plain(header: bytes) -> bytes:
    """A header written anew by pydicom."""
    return _written(pydicom.dcmread(io.BytesIO(header)))


def _written(released: pydicom.Dataset) -> bytes:
    stream = io.BytesIO()
    dcmwrite(stream, released, enforce_file_format=True)
    return stream.getvalue()
