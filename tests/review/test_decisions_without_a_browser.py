"""`deidflow review --list` and `--decide` do what the page does."""

from __future__ import annotations

import pytest

from deidflow.cli.review import review
from deidflow.errors import UsageError
from deidflow.release.decision_record import effective, read_entries
from deidflow.release.decisions import Action, CaseName
from tests.review.conftest import reviewed
from tests.synthetic_release import SOURCE_PATH, MadeRelease

FAILED = "P001/M00/002-MR"


def test_cases_are_listed_without_identifiers(
    made: MadeRelease,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert review(made.layout.release, vault=made.layout.vault, list_=True) == 0

    printed = capsys.readouterr().out
    assert FAILED in printed
    assert "0 of 3 cases are decided" in printed
    assert SOURCE_PATH.split("/")[0] not in printed


def test_a_decision_and_its_undoing(made: MadeRelease) -> None:
    decided = reviewed(
        *made.arguments,
        *("--decide", FAILED, "withhold", "--saw", "eyes", "--saw", "nose"),
        *("--who", "ada"),
    )
    assert decided.returncode == 0, decided.stderr
    current = effective(read_entries(made.layout.decisions))
    assert current[CaseName("P001", "M00", "002-MR")].action is Action.WITHHOLD
    assert not made.layout.published("P001", "M00").exists()

    assert review(made.layout.release, vault=made.layout.vault, undo=FAILED, who="ada") == 0
    assert effective(read_entries(made.layout.decisions)) == {}


@pytest.mark.parametrize(
    ("case", "decision", "saw", "words"),
    [
        ("P001", "accept", (), "is not a case"),
        (FAILED, "release", (), "is not a decision"),
        (FAILED, "undo", (), "is not a decision"),
        (FAILED, "withhold", (), "needs a reason"),
        (FAILED, "withhold", ("hair",), "is not something to see"),
        ("P002/M00/001-CT", "accept", (), "no masked version"),
    ],
)
def test_what_cannot_be_decided_is_said(
    made: MadeRelease,
    case: str,
    decision: str,
    saw: tuple[str, ...],
    words: str,
) -> None:
    with pytest.raises(UsageError, match=words):
        review(made.layout.release, vault=made.layout.vault, decide=(case, decision), saw=saw)

    assert read_entries(made.layout.decisions) == ()


def test_a_folder_without_a_release(made: MadeRelease) -> None:
    with pytest.raises(UsageError, match="no release"):
        review(made.layout.vault, vault=made.layout.vault, list_=True)


def test_the_vault_of_another_release(made: MadeRelease) -> None:
    with pytest.raises(UsageError, match="has not made this release"):
        review(made.layout.release, vault=made.layout.release, list_=True)
