"""Views of series, made once and kept in the vault beside the pictures of the run."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nibabel.filebasedimages import ImageFileError

from deidflow.release.layout import Layout
from deidflow.report.tiles import Size
from deidflow.report.views import SeriesImages, View, turned_views, views_of
from deidflow.store.files import Signature, digest_of, read_json, write_json_atomic

_MASKS = "defaced_mask*.nii.gz"
_SCHEMA = 4
"""Counts changes of how views are drawn."""
Maker = Callable[[SeriesImages, Size], tuple[View, ...]]


@dataclass(frozen=True)
class SeriesViews:
    """The views of a series, and a hash of what they show."""

    views: tuple[View, ...]
    digest: str

    @property
    def has_both(self) -> bool:
        """Whether there is something to compare: the series before and after."""
        return any(view.before and view.after for view in self.views)

    def view(self, name: str) -> View | None:
        """The view of this name."""
        for view in self.views:
            if view.name == name:
                return view
        return None


def images_of(layout: Layout, pseudonym: str, label: str, series: str) -> SeriesImages:
    """The NIfTI files of a series: converted source, what is published (or staged), its mask."""
    work = layout.session_work(pseudonym, label)
    before = _first(work / "convert" / series, "image*.nii.gz")
    published = layout.published(pseudonym, label)
    staged = layout.staged(pseudonym, label)
    for session in (published, staged):
        folder = session / series
        mask = _first(folder, _MASKS) or _first(layout.masks(pseudonym, label) / series, _MASKS)
        if mask is not None:
            after = folder / mask.name.replace("_mask", "", 1)
            if after.exists():
                return SeriesImages(before, after, mask)
        whole = _first(folder, "image*.nii.gz")
        if whole is not None:
            return SeriesImages(before=None, after=whole)

    return SeriesImages(before)


def _first(folder: Path, pattern: str) -> Path | None:
    paths = sorted(folder.glob(pattern))
    return paths[0] if paths else None


def series_views(
    layout: Layout,
    pseudonym: str,
    label: str,
    series: str,
    size: Size | None = None,
) -> SeriesViews:
    """The views of a series, from the vault where they are up to date.

    They are empty where there is no image, or it cannot be drawn: a picture holds no page back.
    """
    images = images_of(
        layout,
        pseudonym,
        label,
        series,
    )
    chosen = size or Size()
    cache = layout.review(pseudonym, label) / f"{series}.views-{chosen.pixels}.json"
    return _cached(cache, images, chosen, views_of)


def series_turned(layout: Layout, pseudonym: str, label: str, series: str) -> SeriesViews:
    """The head of a series from several sides, from the vault as `series_views`."""
    images = images_of(
        layout,
        pseudonym,
        label,
        series,
    )
    cache = layout.review(pseudonym, label) / f"{series}.turned.json"
    return _cached(
        cache,
        images,
        Size(),
        turned_views,
    )


def _cached(cache: Path, images: SeriesImages, size: Size, make: Maker) -> SeriesViews:
    key = views_key(images, size)
    row = read_json(cache)
    if isinstance(row, dict) and row.get("key") == key:
        return _from_rows(row["views"])

    try:
        views = make(images, size)
    except (ImageFileError, RuntimeError, ValueError, OSError):
        views = ()
    rows = [_to_row(view) for view in views]
    cache.parent.mkdir(
        parents=True,
        exist_ok=True,
        mode=0o700,
    )
    write_json_atomic(
        cache,
        {"key": key, "views": rows},
    )
    return _from_rows(rows)


def views_key(images: SeriesImages, size: Size) -> str:
    """Changes with the images, and with how they are drawn."""
    signatures = []
    for path in (images.before, images.after, images.mask):
        if path is None:
            signatures.append("")
        else:
            signature = Signature.of(path)
            signatures.append(f"{signature.size} {signature.mtime_ns}")
    return digest_of([_SCHEMA, size.pixels, size.quality, *signatures])


def _to_row(view: View) -> dict[str, str]:
    return {
        "name": view.name,
        "before": _text(view.before),
        "after": _text(view.after),
        "outline": _text(view.outline),
    }


def _from_rows(rows: list[dict[str, str]]) -> SeriesViews:
    views = []
    for row in rows:
        view = View(
            name=row["name"],
            before=base64.b64decode(row["before"]),
            after=base64.b64decode(row["after"]),
            outline=base64.b64decode(row["outline"]),
        )
        views.append(view)
    return SeriesViews(tuple(views), digest_of(rows))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
