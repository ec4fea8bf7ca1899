"""A series, or with `mirror` a subject, appears by one rename, and is made again only if needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from deidflow.bulk.output import make_way, output_held, staged_folder
from deidflow.bulk.pending import PendingUnits, SessionTasks, Signatures
from deidflow.bulk.places import check_apart, check_kept, missing
from deidflow.bulk.targets import SeriesTargets, Target, by_session, by_subject
from deidflow.bulk.tasks import FileOutcome, FileTask
from deidflow.bulk.units import KeptOutput, UnitRecord, record_path, unit_of
from deidflow.errors import ReleaseBusy, UsageError
from deidflow.identity.workorder import SessionOrder, WorkOrder
from deidflow.settings.anonymize import AnonymizeSettings
from deidflow.settings.layout_template import MIRROR, TEMPLATE
from deidflow.store.files import Signature, names_below, write_json_atomic
from deidflow.verdicts import Reason, Verdict


def order(pseudonym: str = "P001", label: str = "M00") -> WorkOrder:
    session = SessionOrder(label, "2022-05-10T23:50:00", ())
    return WorkOrder(
        pseudonym=pseudonym,
        source="",
        uid_key="00",
        shift_days=0,
        identifiers=(),
        sessions=(session,),
    )


def file_task(number: int, folder: str = "P001/M00/003-MR") -> FileTask:
    return FileTask(
        number=number,
        path=str(number),
        folder=folder,
        name=f"{number}.dcm",
        series="003-MR",
        bin_trigger_time=False,
        sop_uid=f"1.2.{number}",
    )


@dataclass
class Place:
    """An output folder, and the vault's folder of records."""

    out: Path
    records: Path

    def units(self, layout: str = TEMPLATE) -> PendingUnits:
        """The units of a new call."""
        return PendingUnits(
            out=self.out,
            layout=layout,
            root=Path("/in"),
            record_folder=self.records,
        )

    def stage(self, task: FileTask, content: str = "clean") -> FileOutcome:
        """Write the staged output of a task; returns its outcome."""
        path = staged_folder(self.out) / task.output_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return FileOutcome(task, Verdict.RELEASED, signature=Signature.of(path))

    def do(self, tasks: list[FileTask], rules: str = "rules", layout: str = TEMPLATE) -> int:
        """A call that releases all tasks; returns how many files it had to do."""
        units = self.units(layout)
        units.plan([SessionTasks(order(), [rules], tasks)], signatures())
        to_do = [task for task in tasks if units.is_to_do(task)]
        units.finish([self.stage(task) for task in to_do])
        return len(to_do)


def signatures(mtime_ns: int = 1) -> Signatures:
    return {str(number): Signature(1, mtime_ns, 1, number) for number in range(9)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "out").mkdir()
    return Place(tmp_path / "out", tmp_path / "records")


def test_a_series_appears_with_its_last_file(place: Place) -> None:
    tasks = [file_task(1), file_task(2)]
    units = place.units()
    units.plan([SessionTasks(order(), ["rules"], tasks)], {})

    units.finish([place.stage(tasks[0])])
    assert names_below(place.out) == []
    units.finish([place.stage(tasks[1])])
    assert names_below(place.out) == ["P001/M00/003-MR/1.dcm", "P001/M00/003-MR/2.dcm"]
    folders = [place.out / "P001", place.out / "P001" / "M00", place.out / "P001/M00/003-MR"]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o755}


def test_with_mirror_all_sessions_of_a_subject_appear_at_once(place: Place) -> None:
    tasks = [file_task(1, "P001/001"), file_task(2, "P001/002")]
    units = place.units(MIRROR)
    units.plan([SessionTasks(order(), ["rules"], [task]) for task in tasks], {})

    units.finish([place.stage(tasks[0])])
    assert names_below(place.out) == []
    units.finish([place.stage(tasks[1])])
    assert names_below(place.out) == ["P001/001/1.dcm", "P001/002/2.dcm"]


def test_an_intact_unit_is_not_done_again(place: Place) -> None:
    tasks = [file_task(1), file_task(2), file_task(3, "P001/M00/004-MR")]

    assert place.do(tasks) == 3
    assert place.do(tasks) == 0


def test_other_rules_or_files_make_a_unit_again(place: Place) -> None:
    tasks = [file_task(1), file_task(2)]
    place.do(tasks)

    assert place.do(tasks, rules="other rules") == 2
    assert place.do([*tasks, file_task(3)], rules="other rules") == 3


def test_a_changed_source_makes_its_unit_again(place: Place) -> None:
    tasks = [file_task(1), file_task(2, "P001/M00/004-MR")]
    place.do(tasks)
    changed = signatures() | {"1": Signature(1, 2, 1, 1)}

    units = place.units()
    units.plan([SessionTasks(order(), ["rules"], tasks)], changed)
    assert [units.is_to_do(task) for task in tasks] == [True, False]


def test_a_damaged_output_makes_its_unit_again(place: Place) -> None:
    tasks = [file_task(1), file_task(2)]
    place.do(tasks)
    (place.out / tasks[0].output_path).write_text("damaged")

    assert place.do(tasks) == 2
    assert (place.out / tasks[0].output_path).read_text() == "clean"


def test_without_a_vault_nothing_is_remembered(place: Place) -> None:
    task = file_task(1)
    place.do([task])

    units = place.units()
    units.record_folder = None
    units.plan([SessionTasks(order(), ["rules"], [task])], signatures())
    assert units.is_to_do(task)


def test_a_unit_that_may_not_go_out_any_more_is_removed(place: Place) -> None:
    task = file_task(1)
    place.do([task])
    units = place.units()
    units.plan([SessionTasks(order(), ["stricter"], [task])], signatures())

    units.finish([FileOutcome(task, Verdict.QUARANTINED, Reason.ANOTHER_PATIENT)])
    assert names_below(place.out) == []


def test_a_unit_that_failed_leaves_the_earlier_one(place: Place) -> None:
    task = file_task(1)
    place.do([task])
    units = place.units()
    units.plan([SessionTasks(order(), ["stricter"], [task])], signatures())

    units.finish([FileOutcome(task, Verdict.FAILED, Reason.UNREACHABLE)])
    assert names_below(place.out) == ["P001/M00/003-MR/1.dcm"]


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    output = KeptOutput("P001/1.dcm", Signature(1, 2, 3, 4), "1.2", "/in/1")
    unsigned = KeptOutput("P001/2.dcm", None, "1.3", "/in/2")
    record = UnitRecord("key", (output, unsigned))
    path = record_path(tmp_path, "P001")

    record.write(path)
    assert UnitRecord.read(path) == record
    assert not unsigned.is_intact(tmp_path)


@pytest.mark.parametrize("content", [None, [], {"key": "k", "outputs": [["P001/1.dcm", [1]]]}])
def test_a_record_of_an_older_version_has_no_outputs(tmp_path: Path, content: object) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        write_json_atomic(path, content)

    record = UnitRecord.read(path)
    assert record is None or record.outputs == ()


@pytest.mark.parametrize(
    ("layout", "unit"),
    [(TEMPLATE, "P001/M00/003-MR"), (MIRROR, "P001"), ("{subject}", "P001/M00/003-MR")],
)
def test_what_is_moved_at_once(layout: str, unit: str) -> None:
    assert unit_of("P001/M00/003-MR", layout) == unit


def series(folder: str, *names: str, order_: WorkOrder | None = None) -> SeriesTargets:
    targets = [Target(f"in/{name}", folder, name, f"1.2.{name}") for name in names]
    return SeriesTargets(
        order=order_ or order(),
        series="003-MR",
        bin_trigger_time=False,
        targets=tuple(targets),
    )


def test_two_series_in_one_folder_are_refused() -> None:
    check_apart([series("P001/a", "1"), series("P001/b", "1")], TEMPLATE)

    with pytest.raises(UsageError, match="gives 1 series the place of another"):
        check_apart([series("P001", "1"), series("P001", "2")], "{subject}")
    check_apart([series("P001", "1"), series("P001", "2")], MIRROR)


def test_two_files_of_one_path_are_refused() -> None:
    with pytest.raises(UsageError, match="gives 1 files the place of another"):
        check_apart([series("P001", "1", "2"), series("P001", "2", "3")], MIRROR)


def test_targets_that_are_not_on_disk_are_missing(tmp_path: Path) -> None:
    (tmp_path / "P001").mkdir()
    (tmp_path / "P001" / "1").touch()
    targets = [series("P001", "1", "2", "3"), series("P002", "4")]

    lost = list(missing(targets, tmp_path, held_back={"in/3"}))
    assert [target.path for target in lost] == ["in/2", "in/4"]


def test_outputs_of_sources_that_are_not_given_are_kept(place: Place) -> None:
    tasks = [file_task(1), file_task(2)]
    place.do(tasks)
    given = series("P001/M00/003-MR", "1.dcm")

    with pytest.raises(UsageError, match="would remove 2 files"):
        check_kept([given], set(), place.records, place.out, TEMPLATE)
    sources = {"/in/1", "/in/2"}
    check_kept([given], sources, place.records, place.out, TEMPLATE)


def test_a_copy_of_the_same_image_may_replace_an_output(place: Place) -> None:
    place.do([file_task(1)])
    copy = Target("elsewhere/copy", "P001/M00/003-MR", "1.dcm", "1.2.1")
    given = SeriesTargets(order(), "003-MR", False, (copy,))

    check_kept([given], {"/elsewhere/copy"}, place.records, place.out, TEMPLATE)


def test_an_output_that_is_gone_cannot_be_lost(place: Place) -> None:
    place.do([file_task(1)])
    (place.out / "P001/M00/003-MR/1.dcm").unlink()

    check_kept([series("P001/M00/003-MR", "2")], set(), place.records, place.out, TEMPLATE)


def test_series_are_grouped_by_subject_and_session() -> None:
    baseline, later = order("P001", "M00"), order("P001", "M06")
    other = order("P002", "M00")
    targets = [
        series("a", "1", order_=baseline),
        series("b", "1", order_=order("P001", "M00")),
        series("c", "1", order_=later),
        series("d", "1", order_=other),
    ]

    assert [len(group) for group in by_subject(targets)] == [3, 1]
    sessions = [(key.sessions[0].label, len(group)) for key, group in by_session(targets[:3])]
    assert sessions == [("M00", 2), ("M06", 1)]
    assert list(by_session([])) == []


def settings(out: Path, on_exists: str = "fail") -> AnonymizeSettings:
    values = {"sources": ("/in",), "out": out, "on_exists": on_exists, "vault": "/vault"}
    return AnonymizeSettings(**values)  # type: ignore[arg-type]


def test_the_staging_folder_is_gone_in_the_end_even_after_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"

    with pytest.raises(KeyError), output_held(settings(out)):
        staged_folder(out).mkdir()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_an_output_is_held_by_one_call(tmp_path: Path) -> None:
    held = settings(tmp_path / "out")

    with output_held(held), pytest.raises(ReleaseBusy), output_held(held):
        pass


def test_cleaning_empties_the_output_and_resuming_does_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "P001").mkdir(parents=True)
    (out / "dataset.json").touch()

    make_way(settings(out, "resume"))
    assert len(list(out.iterdir())) == 2
    make_way(settings(out, "clean"))
    assert list(out.iterdir()) == []
