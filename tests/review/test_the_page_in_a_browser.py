"""A person finds a face on the page and takes it out of the release; nobody else gets in."""

from __future__ import annotations

import httpx
from playwright.sync_api import Browser, Page, expect

from deidflow.release.decision_record import effective, read_entries
from deidflow.release.decisions import Action, CaseName, Sight
from tests.browser import Watched
from tests.review.conftest import served
from tests.synthetic_release import MadeRelease

FAILED = CaseName("P001", "M00", "002-MR")
WAIT = 60_000


def opened(chromium: Browser, address: str) -> Page:
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(address)
    page.wait_for_selector(".views figure", timeout=WAIT)
    return page


def opacity(page: Page) -> float:
    return float(page.locator(".before").first.evaluate("e => getComputedStyle(e).opacity"))


def test_a_planted_failure_is_found_and_withheld(chromium: Browser, made: MadeRelease) -> None:
    with served(*made.arguments, "--who", "ada") as (address, _):
        page = opened(chromium, address)
        watched = Watched(page)
        while page.locator("#name").inner_text() != str(FAILED):
            picture = page.locator(".views").screenshot()
            page.keyboard.down(" ")
            assert opacity(page) == 1
            assert page.locator(".views").screenshot() != picture
            page.keyboard.up(" ")
            page.keyboard.press("1")
            expect(page.locator("#next")).to_be_enabled(timeout=WAIT)
            page.keyboard.press("Enter")
            page.wait_for_selector(".views figure", timeout=WAIT)

        after = page.locator(".after").first.get_attribute("src")
        assert after == page.locator(".before").first.get_attribute("src"), "nothing was removed"
        page.keyboard.press("e")
        page.keyboard.press("n")
        page.keyboard.press("4")
        expect(page.locator("#tally")).to_contain_text("1 withheld", timeout=WAIT)
        assert watched.asked_elsewhere(address.split("#")[0]) == []
        assert watched.complaints == []
        page.close()

    decision = effective(read_entries(made.layout.decisions))[FAILED]
    assert decision.action is Action.WITHHOLD
    assert decision.sights == (Sight.EYES, Sight.NOSE)
    assert decision.who == "ada"
    assert len(decision.seen) == 64
    assert decision.seconds > 0
    assert not made.layout.published("P001", "M00").exists()


def test_nothing_is_chosen_and_next_waits_for_a_decision(
    chromium: Browser, made: MadeRelease
) -> None:
    with served(*made.arguments) as (address, _):
        page = opened(chromium, address)
        assert page.locator("[aria-pressed=true]").count() == 0
        assert page.locator("#next").is_disabled()
        page.keyboard.press("Enter")
        page.get_by_label("P002/M00/001-CT").click()
        assert page.locator("#name").inner_text().startswith("P001")

        page.keyboard.press("4")
        expect(page.locator("#refusal")).to_contain_text("say what is seen", timeout=WAIT)
        assert page.locator("#next").is_disabled()
        page.keyboard.press("1")
        expect(page.locator("#next")).to_be_enabled(timeout=WAIT)
        page.keyboard.press("u")
        expect(page.locator("#next")).to_be_disabled(timeout=WAIT)
        page.close()


def test_a_head_turns_under_the_pointer(chromium: Browser, made: MadeRelease) -> None:
    with served(*made.arguments) as (address, _):
        page = opened(chromium, address)
        head = page.locator("[data-view=oblique]")
        before = head.locator(".after").get_attribute("src")
        box = head.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 5, box["y"] + 50)

        caption = head.locator("figcaption")
        expect(caption).to_have_text("turned -90°", timeout=WAIT)
        assert head.locator(".after").get_attribute("src") != before
        page.get_by_label("Direction from which the head is seen").press("End")
        expect(caption).to_have_text("turned +90°", timeout=WAIT)
        page.close()


def test_a_blind_queue_shows_neither_names_nor_figures(
    chromium: Browser, made: MadeRelease
) -> None:
    with served(*made.arguments, "--blind", "seed") as (address, _):
        page = opened(chromium, address)
        words = page.locator("body").inner_text()
        assert "P00" not in words
        assert "risk" not in words
        assert page.locator("#figures div").count() == 0
        page.close()


def test_it_listens_on_loopback_and_logs_no_token(made: MadeRelease) -> None:
    with served(*made.arguments) as (address, process):
        assert address.startswith("http://127.0.0.1:")
        token = address.split("#")[1]
        own = {"authorization": f"Bearer {token}"}
        httpx.get(address.split("#")[0] + "queue", headers=own, trust_env=False)
        process.terminate()
        rest = process.stdout.read() if process.stdout else ""

    assert token not in rest


def test_it_closes_itself_when_nobody_uses_it(made: MadeRelease) -> None:
    with served(*made.arguments, "--idle-minutes", "0.03") as (_, process):
        assert process.wait(120) == 0
