"""A head is shown in planes and 3-D, and landmarks are set on it; without the viewer by pictures."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from deidflow.release.decision_record import effective, read_entries
from deidflow.release.decisions import Action, CaseName
from deidflow.report.volume_files import VolumeKind
from deidflow.review.desk import Desk
from deidflow.review.page import review_page, viewer_script
from tests.browser import Watched
from tests.review.conftest import served
from tests.review.test_the_page_in_a_browser import WAIT, opened
from tests.synthetic_release import MadeRelease, made_head

MASKED = CaseName("P001", "M00", "001-MR")
HELD = CaseName("P002", "M00", "001-CT")
PLACES = {
    "right-eye": (-30.0, -75.0, 16.0),
    "left-eye": (30.0, -75.0, 16.0),
    "nose": (0.0, -112.0, -20.0),
}
"""Of a plausible head, LPS mm."""


def volume(desk: Desk, name: CaseName, kind: VolumeKind) -> nibabel.Nifti1Image | None:
    content = desk.volume(desk.case(name), kind)
    return None if content is None else nibabel.Nifti1Image.from_bytes(content)


def test_volumes_lie_where_the_series_does(desk: Desk) -> None:
    before = volume(desk, MASKED, VolumeKind.BEFORE)
    removed = volume(desk, MASKED, VolumeKind.MASK)
    assert before is not None and removed is not None
    assert (before.affine == removed.affine).all()

    flags = np.asanyarray(removed.dataobj) > 0
    _, face = made_head()
    millilitres = flags.sum() * np.prod(before.header.get_zooms()) / 1000
    assert 0.1 * face.sum() * 0.064 < millilitres < 1.1 * face.sum() * 0.064, "cut to the head"
    heights = np.nonzero(flags)[2] * before.affine[2, 2] + before.affine[2, 3]
    assert heights.max() == pytest.approx(12, abs=4)


def test_a_held_series_has_no_volume_after(desk: Desk) -> None:
    assert volume(desk, HELD, VolumeKind.BEFORE) is not None
    assert volume(desk, HELD, VolumeKind.AFTER) is None


def test_only_scripts_of_the_page_may_run() -> None:
    _, policy = review_page()
    sources = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
    assert "unsafe" not in policy
    assert sources.count("sha256-") == (5 if viewer_script() else 4)


@pytest.mark.skipif(not viewer_script(), reason="the package was built without the viewer")
def test_a_head_is_rendered_without_asking_anybody_else(
    chromium: Browser, made: MadeRelease
) -> None:
    with served(*made.arguments) as (address, _):
        page = opened(chromium, address)
        watched = Watched(page)
        page.keyboard.press("v")
        page.wait_for_selector("#viewer[data-shown='0']", timeout=WAIT)
        canvas = page.locator("#render")
        masked = canvas.screenshot()
        page.keyboard.down(" ")
        page.wait_for_timeout(300)
        assert canvas.screenshot() != masked, "the render shows the head before"
        page.keyboard.up(" ")
        assert watched.asked_elsewhere(address.split("#")[0]) == []
        assert watched.complaints == []
        page.close()


@pytest.mark.skipif(bool(viewer_script()), reason="the package was built with the viewer")
def test_without_the_viewer_there_are_pictures(chromium: Browser, made: MadeRelease) -> None:
    with served(*made.arguments) as (address, _):
        page = opened(chromium, address)
        assert page.locator("#solid").is_hidden()
        page.close()


def click_at(page: Page, name: str, place: tuple[float, float, float]) -> None:
    """Choose a landmark and click it: its height on the coronal plane, then its place on the axial."""
    page.locator(f"[data-landmark={name}]").click()
    for plane in ("coronal", "axial"):
        index = page.evaluate("place => indexOf(marks.volume, place)", place)
        size = page.evaluate("marks.volume.size")
        row = index[1] if plane == "axial" else size[2] - 1 - index[2]
        rows = size[1] if plane == "axial" else size[2]
        box = page.locator(f"[data-plane={plane}]").bounding_box()
        assert box is not None
        across = (index[0] + 0.5) / size[0] * box["width"]
        position = {"x": across, "y": (row + 0.5) / rows * box["height"]}
        page.locator(f"[data-plane={plane}]").click(position=position)


def test_landmarks_are_set_on_planes(chromium: Browser, made: MadeRelease) -> None:
    with served(*made.arguments, "--who", "ada") as (address, _):
        page = opened(chromium, address)
        page.keyboard.press("l")
        expect(page.locator("#landmarks")).to_be_visible(timeout=WAIT)
        page.keyboard.press("5")
        expect(page.locator("#refusal")).to_contain_text("at least 3", timeout=WAIT)
        for name, place in PLACES.items():
            click_at(page, name, place)
        page.keyboard.press("5")
        expect(page.locator("#next")).to_be_enabled(timeout=WAIT)
        page.close()

    (decision,) = effective(read_entries(made.layout.decisions)).values()
    assert (decision.action, decision.who, len(decision.source)) == (Action.LANDMARKS, "ada", 64)
    for point in decision.landmarks:
        assert (point.x, point.y, point.z) == pytest.approx(PLACES[point.name], abs=3)
