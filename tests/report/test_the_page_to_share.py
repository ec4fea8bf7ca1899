"""RELEASE/report/index.html says what was done, and nothing that leads back to a person."""

from __future__ import annotations

import re
import stat

from playwright.sync_api import Browser

from deidflow.report.read_facts import read_facts
from deidflow.report.shared_page import MOST_DETAILED_SUBJECTS
from deidflow.store.files import sha256_of
from tests.browser import Watched
from tests.synthetic_release import GOOD_FIGURES, SOURCE_PATH, MadeRelease


def page_of(made: MadeRelease) -> str:
    return made.layout.shared_report.read_text("utf-8")


def test_counts_add_up_to_the_files_found(reported: MadeRelease) -> None:
    counts = read_facts(reported.layout).counts

    assert sum(counts.verdicts.values()) == counts.files
    assert "15 files" in page_of(reported)


def test_nothing_leads_back_to_the_source(reported: MadeRelease) -> None:
    page = page_of(reported)

    for part in SOURCE_PATH.removesuffix(".dcm").split("/"):
        assert part not in page
    assert str(reported.layout.vault) not in page
    assert "P002" not in page, "a subject of whom nothing is released"


def test_figures_are_too_coarse_to_join_two_releases(reported: MadeRelease) -> None:
    page = page_of(reported)

    for value in GOOD_FIGURES.values():
        digits = f"{value:.3g}"
        assert len(digits) < 4 or digits not in page
    assert "1.5 mm" in page


def test_it_holds_no_picture(reported: MadeRelease) -> None:
    assert "<img" not in page_of(reported)
    assert "data:image" not in page_of(reported)


def test_it_can_be_read_by_everybody_who_has_the_release(reported: MadeRelease) -> None:
    mode = reported.layout.shared_report.stat().st_mode

    assert stat.S_IMODE(mode) == 0o644


def test_it_says_pseudonymous_and_never_anonymous(reported: MadeRelease) -> None:
    words = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page_of(reported), flags=re.S)

    assert "pseudonymous" in words
    assert "anonymous" not in words.lower().replace("pseudonymous", "")


def test_each_attribute_of_the_profile_is_on_the_page(
    chromium: Browser, reported: MadeRelease
) -> None:
    page = chromium.new_page()
    page.goto(reported.layout.shared_report.as_uri())

    assert page.locator("#profile-table tbody tr").count() > 600
    page.locator("#profile summary").click()
    page.get_by_label("Filter").fill("PatientName")
    assert page.locator("#profile-table tbody tr:visible").count() < 10
    page.close()


def test_it_asks_nobody_and_complains_of_nothing(chromium: Browser, reported: MadeRelease) -> None:
    page = chromium.new_page()
    watched = Watched(page)
    page.goto(reported.layout.shared_report.as_uri())

    assert watched.asked_elsewhere(reported.layout.shared_report.as_uri()) == []
    assert watched.complaints == []
    page.close()


def test_it_is_read_without_javascript_in_light_and_dark(
    chromium: Browser, reported: MadeRelease
) -> None:
    backgrounds = set()
    for scheme in ("light", "dark"):
        context = chromium.new_context(java_script_enabled=False, color_scheme=scheme)
        page = context.new_page()
        page.goto(reported.layout.shared_report.as_uri())
        assert page.get_by_role("heading", level=1).is_visible()
        assert page.get_by_role("row", name=re.compile("001-MR")).is_visible()
        backgrounds.add(page.screenshot(clip={"x": 0, "y": 0, "width": 4, "height": 4}))
        context.close()

    assert len(backgrounds) == 2


def test_headings_and_tables_make_sense_to_a_screen_reader(
    chromium: Browser, reported: MadeRelease
) -> None:
    page = chromium.new_page()
    page.goto(reported.layout.shared_report.as_uri())

    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.locator("th:not([scope])").count() == 0
    unnamed = page.locator("svg[role=img]:not([aria-label])")
    assert unnamed.count() == 0
    page.close()


def test_the_first_key_that_is_pressed_leads_to_the_content(
    chromium: Browser, reported: MadeRelease
) -> None:
    page = chromium.new_page()
    page.goto(reported.layout.shared_report.as_uri())
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.close()


def test_a_large_release_is_listed_by_subject() -> None:
    assert MOST_DETAILED_SUBJECTS < 1_000


def test_the_page_has_a_checksum(reported: MadeRelease) -> None:
    page = reported.layout.shared_report
    manifest = (reported.layout.release / "manifest.sha256").read_text()
    assert f"{sha256_of(page)}  report/index.html" in manifest.splitlines()
