"""The volumes of the series that people look at now; each is read once for all its forms."""

from __future__ import annotations

import threading
from collections import OrderedDict

from nibabel.filebasedimages import ImageFileError

from deidflow.report.tiles import Size
from deidflow.report.view_cache import views_key
from deidflow.report.views import SeriesImages, Volumes

_MOST = 2


class Shelf:
    """Volumes by the files that they come from; the last two stay in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._volumes: OrderedDict[str, Volumes | None] = OrderedDict()

    def volumes(self, images: SeriesImages) -> Volumes | None:
        """The volumes of a series; None where there is no image, or it cannot be read."""
        key = views_key(images, Size())
        with self._lock:
            if key not in self._volumes:
                self._volumes[key] = _read(images)
            self._volumes.move_to_end(key)
            while len(self._volumes) > _MOST:
                self._volumes.popitem(last=False)
            return self._volumes[key]


def _read(images: SeriesImages) -> Volumes | None:
    try:
        return Volumes.read(images)
    except (ImageFileError, RuntimeError, ValueError, OSError):
        return None
