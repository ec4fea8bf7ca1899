"""VAULT/report shows what the masks do, and what is held back, from which file and what to do."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from deidflow.report.private_pages import LARGEST_PAGE
from deidflow.report.tiles import Size
from deidflow.report.view_cache import series_views
from deidflow.report.write import write_pages
from tests.browser import Watched
from tests.synthetic_release import (
    SOURCE_PATH,
    MadeRelease,
    made_head,
    make_release,
    save_image,
)


@pytest.fixture
def first_subject(chromium: Browser, reported: MadeRelease) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    page.goto((reported.layout.private_report / "P001.html").as_uri())
    yield page
    page.close()


def shown(page: Page, kind: str) -> float:
    """How much of the first picture of this kind is seen, 0 to 1."""
    opacity = page.locator(f".views .{kind}").first.evaluate("e => getComputedStyle(e).opacity")
    return float(opacity)


def test_only_the_owner_can_read_them(reported: MadeRelease) -> None:
    pages = sorted(reported.layout.private_report.iterdir())

    assert [page.name for page in pages] == ["P001.html", "P002.html", "index.html"]
    for page in pages:
        assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_a_page_is_smaller_than_3_mb(reported: MadeRelease) -> None:
    for page in reported.layout.private_report.glob("P*.html"):
        assert page.stat().st_size < LARGEST_PAGE


def test_holding_the_button_shows_the_face_and_letting_go_hides_it(first_subject: Page) -> None:
    button = first_subject.get_by_role("button", name="Hold to see before").first
    assert shown(first_subject, "before") == 0

    button.hover()
    first_subject.mouse.down()
    assert shown(first_subject, "before") == 1

    first_subject.mouse.up()
    assert shown(first_subject, "before") == 0


def test_holding_b_does_the_same_for_the_series_in_view(first_subject: Page) -> None:
    first_subject.keyboard.down("b")
    assert first_subject.locator(".flicker").count() == 1
    first_subject.keyboard.up("b")
    assert first_subject.locator(".flicker").count() == 0


def test_flicker_works_without_javascript(chromium: Browser, reported: MadeRelease) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((reported.layout.private_report / "P001.html").as_uri())
    assert not page.get_by_role("slider").first.is_visible()

    page.get_by_role("button", name="Hold to see before").first.hover()
    page.mouse.down()
    picture = page.locator(".views").first.screenshot()
    page.mouse.up()
    assert picture != page.locator(".views").first.screenshot()
    context.close()


def test_the_outline_of_the_mask_can_be_hidden(first_subject: Page) -> None:
    outline = first_subject.locator(".outline").first
    assert outline.is_visible()

    first_subject.get_by_label("hide the mask's outline").first.check()
    assert not outline.is_visible()


def test_pictures_have_words_and_ask_nobody(first_subject: Page) -> None:
    watched = Watched(first_subject)
    first_subject.reload()

    assert watched.asked_elsewhere("file:") == []
    assert watched.complaints == []
    assert first_subject.locator("img.after[alt=''], img.before[alt='']").count() == 0


def test_what_is_held_back_names_file_reason_and_what_to_do(
    chromium: Browser, reported: MadeRelease
) -> None:
    page = chromium.new_page()
    page.goto((reported.layout.private_report / "index.html").as_uri())
    row = page.get_by_role("row", name=re.compile("the two registrations do not agree"))
    row.locator("summary").click()

    assert "try another engine" in row.inner_text()
    assert SOURCE_PATH.replace("0001", "0003") in row.inner_text()
    row.get_by_role("link", name="P002 M00 001-CT").click()
    assert page.url.endswith("P002.html#M00-001-CT")
    page.close()


def test_the_most_urgent_stands_first(reported: MadeRelease) -> None:
    page = (reported.layout.private_report / "index.html").read_text("utf-8")

    assert page.index("the two registrations do not agree") < page.index("not a DICOM file")


def test_a_figure_beyond_its_limit_is_marked(reported: MadeRelease) -> None:
    page = (reported.layout.private_report / "P002.html").read_text("utf-8")

    assert re.search(r'<dd class="bad">24.2 mm', page)


def test_a_subject_that_is_gone_takes_its_page_along(tmp_path: Path) -> None:

    made = make_release(tmp_path)
    write_pages(made.layout)
    made.layout.order("P002").unlink()
    write_pages(made.layout)

    assert not (made.layout.private_report / "P002.html").exists()


def test_what_is_shown_as_after_is_the_released_file(reported: MadeRelease) -> None:
    size = Size(pixels=96)
    masked = series_views(reported.layout, "P001", "M00", "001-MR", size)
    failed = series_views(reported.layout, "P001", "M00", "002-MR", size)

    good, bad = masked.view("front"), failed.view("front")
    assert good is not None
    assert bad is not None
    assert good.before == bad.before
    assert good.after != bad.after
    assert bad.after == bad.before


def test_views_are_made_once_and_again_when_an_image_changes(tmp_path: Path) -> None:

    layout = make_release(tmp_path).layout
    size = Size(pixels=64)
    first = series_views(layout, "P001", "M00", "001-MR", size)
    assert series_views(layout, "P001", "M00", "001-MR", size) == first

    values, _ = made_head()
    save_image(values, layout.published("P001", "M00") / "001-MR" / "defaced.nii.gz")
    assert series_views(layout, "P001", "M00", "001-MR", size).digest != first.digest


def test_an_image_that_cannot_be_drawn_holds_no_page_back(tmp_path: Path) -> None:

    layout = make_release(tmp_path).layout
    path = layout.session_work("P002", "M00") / "convert" / "001-CT" / "image.nii.gz"
    path.write_bytes(b"no image")

    assert series_views(layout, "P002", "M00", "001-CT").views == ()


def test_a_page_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    layout = make_release(tmp_path).layout
    write_pages(layout)
    page = layout.private_report / "P002.html"
    written = page.stat().st_mtime_ns
    write_pages(layout)
    assert page.stat().st_mtime_ns == written

    table = layout.own_quarantine_table
    table.write_text(table.read_text().replace("gate-agreement", "gate-features"))
    write_pages(layout)
    assert page.stat().st_mtime_ns > written
