"""What judges of faces that are not ours saw in a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the judges come with an extra
    from deidflow.recognition.detectors import Detections
    from deidflow.recognition.study import PairResult, Recognition


@dataclass(frozen=True)
class SeenImage:
    """One volume of the release, and in how many views of it a face is found."""

    image: str
    """Its file, as reports write it."""
    detections: Detections


@dataclass(frozen=True)
class FaceReport:
    """What the judges saw."""

    images: tuple[SeenImage, ...]
    heads: tuple[PairResult, ...] = ()
    """One head per subject beside its original."""
    recognition: tuple[Recognition, ...] = ()
    """Rates per recogniser; empty without the source, or with too few faces in it."""
