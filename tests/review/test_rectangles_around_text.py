"""Text is seen on the stored pixels of a series, and rectangles around it are kept as a decision."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from deidflow.errors import UsageError
from deidflow.identity.workorder import FileOrder, read_order
from deidflow.release.decision_record import effective, read_entries
from deidflow.release.decisions import Action, CaseName, Rectangle, Sight
from deidflow.release.layout import Layout
from deidflow.review.desk import Desk, Wish
from deidflow.review.stored_matrix import stored_picture
from tests.review.conftest import served
from tests.review.test_the_page_in_a_browser import WAIT, opened
from tests.synthetic import mr_instance, save
from tests.synthetic_release import MadeRelease

MASKED = CaseName("P001", "M00", "001-MR")
ROWS, COLUMNS = 96, 160
TEXT = (slice(10, 20), slice(100, 150))


@pytest.fixture
def lettered(layout: Layout, tmp_path: Path) -> Layout:
    """Every series of P001 has two instances; the second one has something bright in a corner."""
    files = []
    for number, bright in enumerate((0, 900)):
        cells = np.full((ROWS, COLUMNS), 100, "<u2")
        cells[TEXT] += bright
        image = mr_instance(Rows=ROWS, Columns=COLUMNS, PixelData=cells.tobytes())
        path = save(image, tmp_path / "source" / f"{number}.dcm")
        files.append(FileOrder(path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    place = layout.order("P001")
    order = read_order(place)
    (session,) = order.sessions
    series = tuple(replace(one, files=tuple(files)) for one in session.series)
    session = replace(session, series=series)
    replace(order, source=str(tmp_path / "source"), sessions=(session,)).write(place)
    return layout


def test_the_brightest_of_each_pixel_is_shown(lettered: Layout) -> None:
    content = stored_picture(lettered, MASKED)
    assert content is not None
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    assert shown.shape == (ROWS, COLUMNS)
    assert shown[TEXT].min() > 200 > 50 > shown[40:].max()


def test_no_picture_of_a_source_that_changed(lettered: Layout, tmp_path: Path) -> None:
    for path in (tmp_path / "source").iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    assert stored_picture(lettered, MASKED) is None
    assert stored_picture(lettered, replace(MASKED, session="M06")) is None


def test_rectangles_are_drawn_for_the_whole_series(
    chromium: Browser, made: MadeRelease, lettered: Layout
) -> None:
    with served(*made.arguments, "--who", "ada") as (address, _):
        page = opened(chromium, address)
        page.keyboard.press("x")
        page.wait_for_selector("#drawing[data-shown='0']", timeout=WAIT)
        page.keyboard.press("6")
        expect(page.locator("#refusal")).to_contain_text("draw a rectangle", timeout=WAIT)

        canvas = page.locator("#matrix")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        scale = box["width"] / COLUMNS
        page.mouse.move(box["x"] + 98.5 * scale, box["y"] + 8.5 * scale)
        page.mouse.down()
        page.mouse.move(box["x"] + 151.5 * scale, box["y"] + 21.5 * scale)
        page.mouse.up()
        expect(page.locator("#drawn")).to_have_text("1 rectangle")
        page.keyboard.press("6")
        expect(page.locator("#next")).to_be_enabled(timeout=WAIT)
        page.close()

    (decision,) = effective(read_entries(lettered.decisions)).values()
    assert (decision.action, decision.sights) == (Action.RECTANGLES, (Sight.TEXT,))
    assert decision.rectangles == (Rectangle(8, 98, 14, 54),)


def test_a_decision_needs_a_rectangle(desk: Desk) -> None:
    with pytest.raises(UsageError, match="draw a rectangle"):
        desk.decide(MASKED, Wish(Action.RECTANGLES, (Sight.TEXT,)), "ada")
