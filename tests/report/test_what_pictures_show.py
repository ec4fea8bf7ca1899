"""Pictures are the right way up, alike before and after, and small."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from deidflow.report.pages import data_uri, printable, thousands
from deidflow.report.surface import FRONT, OBLIQUE, render
from deidflow.report.tiles import Greys, Size, box_around, grey_tile, outline_tile
from deidflow.report.views import PLANES, TURNS, turned_views, views_of
from deidflow.report.views import SeriesImages as Images
from tests.synthetic_release import made_head, save_image


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), float)


def ball_with_nose() -> np.ndarray:
    """A ball (z, y, x) with a nose to the front (low y), above its middle."""
    z, y, x = np.mgrid[-30:30, -30:30, -30:30]
    ball = z**2 + y**2 + x**2 < 20**2
    nose = (abs(x) < 4) & (abs(z - 8) < 4) & (y < 0) & (y > -28)
    return ball | nose


def test_the_front_shows_the_nose_above_the_middle() -> None:
    shown = render(ball_with_nose(), FRONT)
    without = render(ball_with_nose() & (np.mgrid[:60, :60, :60][1] > 12), FRONT)
    rows, _ = np.nonzero(shown != without)

    assert rows.mean() < shown.shape[0] / 2


def test_from_an_angle_the_nose_is_to_one_side() -> None:
    shown = render(ball_with_nose(), OBLIQUE)
    columns = np.flatnonzero(shown.any(axis=0))
    middle = shown.shape[1] / 2

    assert abs((columns[0] + columns[-1]) / 2 - middle) > 1


def test_nothing_is_rendered_black() -> None:
    assert not render(np.zeros((20, 20, 20), bool), FRONT).any()


def test_a_tile_has_its_size_and_black_around_it() -> None:
    tile = picture(grey_tile(np.full((10, 40), 255, np.uint8), Size(pixels=80)))

    assert tile.shape == (80, 80)
    assert tile[:25].max() < 30
    assert tile[40].min() > 220


def test_an_outline_is_transparent_inside() -> None:
    region = np.zeros((40, 40), bool)
    region[10:30, 10:30] = True
    outline = Image.open(io.BytesIO(outline_tile(region, Size(pixels=80)))).convert("RGBA")
    alpha = np.asarray(outline)[..., 3]

    assert alpha[40, 40] == 0
    assert alpha[0, 0] == 0
    assert alpha.any()


def test_a_flat_image_has_greys() -> None:
    assert Greys(5.0, 5.0).grey(np.full((2, 2), 5.0)).tolist() == [[0, 0], [0, 0]]


def test_nothing_to_see_is_not_cropped() -> None:
    assert box_around([np.zeros((5, 5))]) == (slice(None), slice(None))


def test_a_masked_series_differs_in_every_view(tmp_path: Path) -> None:
    head, face = made_head()
    save_image(head, tmp_path / "image.nii.gz")
    save_image(np.where(face, 0, head).astype(np.int16), tmp_path / "defaced.nii.gz")
    save_image((~face).astype(np.uint8), tmp_path / "mask.nii.gz")
    images = Images(
        *(tmp_path / name for name in ("image.nii.gz", "defaced.nii.gz", "mask.nii.gz"))
    )

    views = views_of(images, Size(pixels=64))
    assert [view.name for view in views] == [*PLANES, "front", "oblique"]
    for view in views:
        assert view.before != view.after, view.name
    for view in views[:3]:
        assert view.outline
    assert len(turned_views(images, Size(pixels=32))) == len(TURNS)


def test_a_series_without_an_image_has_no_view() -> None:
    assert views_of(Images(before=None), Size()) == ()
    assert turned_views(Images(before=None), Size()) == ()


def test_counts_and_addresses_are_written_plainly() -> None:
    assert thousands(1234567) == "1\u202f234\u202f567"
    assert data_uri(b"RIFFxxxx").startswith("data:image/webp;base64,")
    assert printable("caf\udce9.dcm") == "caf\\xe9.dcm"
