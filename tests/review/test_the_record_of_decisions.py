"""Decisions are appended, bound to each other, and read again by the next run."""

from __future__ import annotations

import json
import multiprocessing
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from deidflow.errors import EnvironmentFault
from deidflow.release.decision_record import append, effective, read_entries
from deidflow.release.decisions import Action, CaseName, Decision, Sight, undone
from deidflow.release.layout import Layout
from deidflow.release.measures import Measures, measures_in_force, measures_of, withheld

CASE = CaseName("P001", "M00", "001-MR")
OTHER = CaseName("P001", "M00", "002-MR")


def decision(action: Action, case: CaseName = CASE, who: str = "ada") -> Decision:
    sights = () if action is Action.ACCEPT else (Sight.EYES,)
    return Decision(case, action, sights, who, "2026-01-02T03:04:05Z", "a" * 64, "b" * 64, 4.2)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "vault" / "review" / "decisions.jsonl"


def test_what_was_decided_is_read_again(record: Path) -> None:
    append(record, decision(Action.MARGIN))
    append(record, decision(Action.ACCEPT, OTHER))

    decisions = [entry.decision for entry in read_entries(record)]
    assert decisions == [decision(Action.MARGIN), decision(Action.ACCEPT, OTHER)]
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_the_last_decision_on_a_series_counts(record: Path) -> None:
    append(record, decision(Action.ACCEPT))
    append(record, decision(Action.WITHHOLD))

    assert effective(read_entries(record))[CASE].action is Action.WITHHOLD


def test_undo_brings_back_the_decision_before(record: Path) -> None:
    append(record, decision(Action.ACCEPT))
    append(record, decision(Action.WITHHOLD))
    append(record, undone(decision(Action.WITHHOLD), "bob", "2026-01-03T00:00:00Z"))
    assert effective(read_entries(record))[CASE].action is Action.ACCEPT

    append(record, undone(decision(Action.ACCEPT), "bob", "2026-01-03T00:00:00Z"))
    assert CASE not in effective(read_entries(record))


def test_the_next_run_is_told_the_decisions_of_one_session(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "release", tmp_path / "vault", "default", "high")
    append(layout.decisions, decision(Action.ENGINE, OTHER))
    append(layout.decisions, decision(Action.MARGIN))
    append(layout.decisions, decision(Action.WITHHOLD, CaseName("P002", "M00", "001-MR")))

    measures = measures_in_force(layout.decisions)
    assert measures["P001", "M00"] == {
        "001-MR": Measures(margins=1),
        "002-MR": Measures(other_engine=True),
    }
    assert withheld(measures["P002", "M00"]) == ["001-MR"]
    assert ("P003", "M00") not in measures


def test_an_accepted_outcome_is_made_the_same_way_in_the_next_run() -> None:
    asked = decision(Action.MARGIN)
    once = measures_of([asked, decision(Action.ACCEPT)])
    assert once == Measures(margins=1)

    on_another = replace(asked, outputs="c" * 64)
    assert measures_of([asked, asked]).margins == 1, "two people asked on the same files"
    assert measures_of([asked, on_another]).margins == 2
    assert measures_of([asked, decision(Action.WITHHOLD)]).withhold


def test_what_is_said_of_a_source_ends_with_it() -> None:
    said = replace(decision(Action.ACCEPT), sights=(Sight.NOT_A_HEAD,), outputs="", source="d" * 64)
    measures = measures_of([said])
    assert measures.no_head
    assert measures.for_source("d" * 64) == measures
    assert not measures.for_source("e" * 64).no_head
    assert not measures_of([said, decision(Action.MARGIN)]).no_head


def test_each_look_is_taken_back_by_itself(record: Path) -> None:
    second = replace(decision(Action.WITHHOLD), again=True)
    append(record, decision(Action.ACCEPT))
    append(record, second)
    append(record, undone(second, "bob", "2026-01-03T00:00:00Z"))

    assert effective(read_entries(record))[CASE].action is Action.ACCEPT


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_changed_line_is_found(record: Path, number: int) -> None:
    for action in (Action.MARGIN, Action.WITHHOLD, Action.ACCEPT):
        append(record, decision(action))
    lines = record.read_text().splitlines()
    lines[number] = lines[number].replace("eyes", "nose").replace("accept", "withhold")
    record.write_text("\n".join(lines) + "\n")

    if number < 2:
        with pytest.raises(EnvironmentFault, match=f"line {number + 2}"):
            read_entries(record)


def test_a_missing_line_is_found(record: Path) -> None:
    for action in (Action.MARGIN, Action.WITHHOLD, Action.ACCEPT):
        append(record, decision(action))
    lines = record.read_text().splitlines()
    record.write_text("\n".join([lines[0], lines[2]]) + "\n")

    with pytest.raises(EnvironmentFault, match="line 2"):
        read_entries(record)


def test_a_line_that_a_kill_cut_short_is_dropped(record: Path) -> None:
    append(record, decision(Action.MARGIN))
    with record.open("a") as stream:
        stream.write('{"action": "acc')

    assert len(read_entries(record)) == 1
    append(record, decision(Action.WITHHOLD))
    assert len(read_entries(record)) == 2


def test_what_is_no_record_is_refused(record: Path) -> None:
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"schema": 99}) + "\n")

    with pytest.raises(EnvironmentFault):
        read_entries(record)


def _append_some(path: Path, who: str) -> None:
    for _ in range(5):
        append(path, decision(Action.MARGIN, who=who))


def test_two_people_at_once_lose_nothing(record: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=_append_some, args=(record, who)) for who in ("ada", "bob")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert len(read_entries(record)) == 10


@pytest.mark.parametrize("text", ["", "P001", "P001/M00", "P001/M00/", "a/b/c/d"])
def test_what_is_no_case(text: str) -> None:
    assert CaseName.parse(text) is None
