"""No decision lets out an unmasked head or an identifier; withholding acts at once."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from deidflow.errors import ReleaseBusy, UsageError
from deidflow.release.decision_record import read_entries
from deidflow.release.decisions import Action, CaseName, Sight
from deidflow.release.layout import Layout
from deidflow.report.facts import SeriesFacts
from deidflow.report.write import write_shared
from deidflow.review.desk import Desk, Wish, check_wish
from deidflow.review.queue import Choice, Look
from deidflow.review.risk import risk_of
from deidflow.store.files import read_json, write_json_atomic
from deidflow.store.locks import held

MASKED = CaseName("P001", "M00", "001-MR")
FAILED = CaseName("P001", "M00", "002-MR")
HELD = CaseName("P002", "M00", "001-CT")


def test_a_masked_series_can_be_accepted(desk: Desk) -> None:
    desk.decide(MASKED, Wish(Action.ACCEPT, seen="a" * 64), "ada")

    case = desk.case(MASKED)
    assert case.is_decided
    assert case.decision is not None
    assert case.decision.outputs


def test_an_unmasked_head_cannot_be_accepted(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no masked version"):
        desk.decide(HELD, Wish(Action.ACCEPT), "ada")

    assert read_entries(desk.layout.decisions) == ()


def test_what_a_person_says_is_no_head_can_be_accepted(desk: Desk) -> None:
    desk.decide(HELD, Wish(Action.ACCEPT, (Sight.NOT_A_HEAD,)), "ada")

    assert desk.case(HELD).is_decided


@pytest.mark.parametrize("sights", [(), (Sight.NOT_A_HEAD,)])
def test_nothing_is_accepted_after_a_leak(desk: Desk, sights: tuple[Sight, ...]) -> None:
    case = desk.case(MASKED)
    leaking = replace(case, session=replace(case.session, findings=1))

    with pytest.raises(UsageError, match="identifier"):
        check_wish(leaking, Wish(Action.ACCEPT, sights))


def test_a_face_that_is_seen_cannot_be_accepted(desk: Desk) -> None:
    with pytest.raises(UsageError, match="face"):
        desk.decide(FAILED, Wish(Action.ACCEPT, (Sight.NOSE,)), "ada")


@pytest.mark.parametrize("action", [Action.WITHHOLD, Action.MARGIN, Action.ENGINE])
def test_a_decision_needs_a_reason(desk: Desk, action: Action) -> None:
    with pytest.raises(UsageError, match="say what is seen"):
        desk.decide(FAILED, Wish(action), "ada")


def test_a_case_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no case P009/M00/001-MR"):
        desk.decide(CaseName("P009", "M00", "001-MR"), Wish(Action.ACCEPT), "ada")


def test_withholding_takes_the_session_out_at_once(desk: Desk, layout: Layout) -> None:
    write_shared(layout)
    desk.decide(FAILED, Wish(Action.WITHHOLD, (Sight.EYES, Sight.NOSE)), "ada")

    assert not layout.published("P001", "M00").exists()
    assert (layout.staging / "withdrawn" / "P001" / "M00" / "session.json").exists()
    assert "P001" not in (layout.release / "subjects.tsv").read_text()
    shared = layout.shared_report.read_text("utf-8")
    assert "P001" not in shared
    assert "1 session</b> was taken out" in shared


def test_the_release_is_whole_after_withholding(desk: Desk, layout: Layout) -> None:
    desk.decide(FAILED, Wish(Action.WITHHOLD, (Sight.EYES,)), "ada")

    check = subprocess.run(["sha256sum", "-c", "--quiet", "manifest.sha256"], cwd=layout.release)
    assert check.returncode == 0


def test_after_withholding_the_other_series_cannot_be_accepted(desk: Desk) -> None:
    desk.decide(FAILED, Wish(Action.WITHHOLD, (Sight.EYES,)), "ada")

    with pytest.raises(UsageError, match="no masked version"):
        desk.decide(MASKED, Wish(Action.ACCEPT), "ada")


def test_nothing_is_withdrawn_while_a_run_is_at_work(desk: Desk, layout: Layout) -> None:
    with held(layout.release_lock, "release"), pytest.raises(ReleaseBusy):
        desk.decide(FAILED, Wish(Action.WITHHOLD, (Sight.EYES,)), "ada")

    assert layout.published("P001", "M00").exists()
    assert len(read_entries(layout.decisions)) == 1, "the run reads it, and holds the session"


def test_an_acceptance_ends_with_the_files_that_were_seen(desk: Desk, layout: Layout) -> None:
    desk.decide(MASKED, Wish(Action.ACCEPT), "ada")
    record = layout.session_work("P001", "M00") / "records" / "reconstruct.json"
    row = read_json(record)
    row["outputs"][0]["sha256"] = "0" * 64
    write_json_atomic(record, row)

    assert not Desk(layout, b"key").case(MASKED).is_decided


def test_undo_asks_again(desk: Desk) -> None:
    desk.decide(MASKED, Wish(Action.ACCEPT), "ada")
    desk.undo(MASKED, "ada")

    assert not desk.case(MASKED).is_decided
    with pytest.raises(UsageError, match="no decision"):
        desk.undo(MASKED, "ada")


def test_progress_counts_cases_and_seconds(desk: Desk) -> None:
    desk.decide(MASKED, Wish(Action.ACCEPT, seconds=3.0), "ada")
    desk.decide(FAILED, Wish(Action.MARGIN, (Sight.NOSE,), seconds=5.0), "ada")

    progress = desk.progress(desk.cases())
    assert (progress.cases, progress.decided, progress.withheld) == (3, 2, 0)
    assert progress.seconds_per_case == pytest.approx(4.0)


def test_the_most_doubtful_comes_first() -> None:
    sure = SeriesFacts("1", "defaced", "released", "", "", 1, figures={"agreement_mm": 0.5})
    doubtful = replace(sure, figures={"agreement_mm": 7.5})
    broken = replace(sure, figures={"agreement_mm": float("nan")})
    whole = replace(sure, state="not a head")

    risks = [risk_of(series) for series in (sure, whole, doubtful, broken)]
    assert risks == sorted(risks)


def test_a_blind_order_is_the_same_for_the_same_word(layout: Layout) -> None:
    orders = [Desk(layout, b"key", Choice(blind_seed=seed)).order for seed in "aabcdefgh"]

    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1


def test_a_sample_draws_published_cases_and_keeps_what_is_held(layout: Layout) -> None:
    drawn = Desk(layout, b"key", Choice(sample_percent=0.0)).order

    assert drawn == [Look(HELD)]


def test_nothing_is_decided_on_a_release_that_keeps_faces(layout: Layout) -> None:
    outcome = read_json(layout.outcome("P001"))
    for row in outcome["sessions"]["M00"]["series"].values():
        row["state"] = "released"
    write_json_atomic(layout.outcome("P001"), outcome)

    assert Desk(layout, b"key").order == [Look(HELD)]
