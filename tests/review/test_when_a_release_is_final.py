"""A sample is drawn, some cases are shown twice, and the release is final once all are accepted."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Sequence

import pytest

from deidflow.cli.review import review
from deidflow.release.dataset import ReviewRow, read_review, write_review
from deidflow.release.decisions import Action, CaseName, Decision, Sight
from deidflow.release.layout import Layout
from deidflow.release.withdrawal import renew_checksums
from deidflow.review.agreement import agreement_of
from deidflow.review.desk import Desk, Wish
from deidflow.review.queue import Choice, Look
from deidflow.settings.sections import ReviewSettings
from deidflow.store.files import read_json
from tests.synthetic_release import MadeRelease

MASKED = CaseName("P001", "M00", "001-MR")
FAILED = CaseName("P001", "M00", "002-MR")
ACCEPT = Wish(Action.ACCEPT)


@pytest.fixture
def drawn(layout: Layout) -> Layout:
    """A release of which every series is to be looked at, and each of them twice."""
    write_review(layout.release, ReviewRow(100.0, 100.0))
    renew_checksums(layout)
    return layout


def twice() -> Choice:
    return Choice(sample_percent=100.0, again_percent=100.0)


def test_it_is_final_when_every_look_is_accepted(drawn: Layout) -> None:
    desk = Desk(drawn, b"key", twice())
    assert [look for look in desk.order if look.again] == [Look(MASKED, True), Look(FAILED, True)]

    for name, again in ((MASKED, False), (FAILED, False), (MASKED, True)):
        desk.decide(name, ACCEPT, "ada", again=again)
        assert not read_json(drawn.release / "dataset.json")["final"]
    desk.decide(FAILED, ACCEPT, "bob", again=True)
    desk.close()
    assert read_json(drawn.release / "dataset.json")["final"]
    assert read_review(drawn.release) == ReviewRow(100.0, 100.0, 4, 4, 2, None)

    check = ["sha256sum", "-c", "--quiet", "manifest.sha256"]
    assert subprocess.run(check, cwd=drawn.release).returncode == 0

    desk.undo(FAILED, "bob", again=True)
    assert not read_json(drawn.release / "dataset.json")["final"]


def test_a_doubt_at_the_second_look_is_not_outvoted(drawn: Layout) -> None:
    desk = Desk(drawn, b"key", twice())
    for name, again in ((MASKED, False), (FAILED, False), (MASKED, True)):
        desk.decide(name, ACCEPT, "ada", again=again)
    desk.decide(FAILED, Wish(Action.MARGIN, (Sight.NOSE,)), "ada", again=True)
    desk.close()
    row = read_review(drawn.release)
    assert row is not None
    assert (row.is_final, row.second_looks, row.kappa) == (False, 2, 0.0)


def test_the_list_says_how_far_people_agree(
    made: MadeRelease, drawn: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    places = made.layout.release
    for second in (False, True):
        decide = (str(FAILED), "other-engine")
        review(places, vault=drawn.vault, decide=decide, saw=("nose",), second=second, who="ada")
    assert review(places, vault=drawn.vault, list_=True) == 0
    printed = capsys.readouterr().out
    assert "second look" in printed
    assert "1 of 1 second looks agree" in printed


def test_a_sample_is_stable_and_never_empty(layout: Layout) -> None:
    one = Desk(layout, b"key", Choice(sample_percent=0.001)).order
    assert len(one) == 2, "one that is published, and what is held"
    assert one == Desk(layout, b"key", Choice(sample_percent=0.001)).order
    assert ReviewSettings(sample="12.5 %").sample == 12.5


def looks(first: Action, second: Action) -> Sequence[Decision]:
    one = Decision(MASKED, first, (), "ada", "", "", "")
    return one, Decision(MASKED, second, (), "ada", "", "", "", again=True)


def test_agreement_is_cohens_kappa() -> None:
    accept, withhold = Action.ACCEPT, Action.WITHHOLD
    # The textbook's table of 50 cases: 20 and 15 alike, 5 and 10 unlike.
    cases = [looks(accept, accept)] * 20 + [looks(withhold, withhold)] * 15
    cases += [looks(accept, withhold)] * 5 + [looks(withhold, accept)] * 10
    agreement = agreement_of(cases)
    assert (agreement.pairs, agreement.same) == (50, 35)
    assert agreement.kappa == pytest.approx(0.4)
    assert math.isnan(agreement_of([looks(accept, accept)]).kappa)
    assert agreement_of([]).words == "no case was decided twice"
