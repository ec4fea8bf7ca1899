"""From subjects to persons and work orders, and the file that carries an order to a process."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deidflow.errors import EnvironmentFault
from deidflow.identity.orders import OrderOptions, person_of, work_order
from deidflow.identity.secret import Keys
from deidflow.identity.vault import Identity
from deidflow.identity.workorder import (
    SCHEMA_NUMBER,
    FileOrder,
    SeriesOrder,
    SessionOrder,
    WorkOrder,
    read_order,
)
from tests.identity.conftest import instance, series, study, study_of, subject

KEYS = Keys(b"s" * 32, "default", "high")
FIRST = {"StudyInstanceUID": "1.1", "StudyDate": "20200101"}
SECOND = {"StudyInstanceUID": "1.2", "StudyDate": "20200131"}
IDENTITY = Identity("P001", -77, {"1.1": "M00", "1.2": "M01", "1.2.3.4.5": "M00"})


def ordered(*studies: Any, since: str = "", with_files: bool = True) -> WorkOrder:
    return work_order(
        subject(*studies),
        IDENTITY,
        KEYS,
        Path("/source"),
        OrderOptions("2.25", ("knee",), since),
        with_files=with_files,
    )


def order() -> WorkOrder:
    """An order with everything in it."""
    file = FileOrder("sub/\udcfc.dcm", "0f")
    files = SeriesOrder("003-MR", "MR", False, True, (file, replace(file, path="b")))
    sessions = (
        SessionOrder("M00", "2022-05-10T23:50:00", (files,), days_since=3),
        SessionOrder("M06", "", ()),
    )
    return WorkOrder(
        pseudonym="P001",
        source="/source",
        uid_key="ab",
        shift_days=-7,
        identifiers=(("name", "Zimmerquast^Ünal"), ("id", "7")),
        sessions=sessions,
        hash_key="cd",
        vocabulary=("knee",),
    )


def test_an_order_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    order().write(path)
    assert read_order(path) == order()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_order_names_the_number_of_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    order().write(path)
    assert json.loads(path.read_text())["schema"] == SCHEMA_NUMBER


def damaged(path: Path, **changes: Any) -> Path:
    row = json.loads(path.read_text())
    for key, value in changes.items():
        row[key] = value
    path.write_text(json.dumps(row))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": None},
        {"schema": SCHEMA_NUMBER + 1},
        {"schema": str(SCHEMA_NUMBER)},
        {"sessions": None},
        {"sessions": [{"label": "M00"}]},
        {"identifiers": [["name"]]},
        {"vocabulary": 1},
    ],
)
def test_an_order_of_another_version_is_not_understood(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = tmp_path / "order.json"
    order().write(path)
    damaged(path, **changes)
    with pytest.raises(EnvironmentFault, match="start the run again to write it anew"):
        read_order(path)


def test_an_order_before_schemas_had_numbers_is_not_understood(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    order().write(path)
    row = json.loads(path.read_text())
    del row["schema"]
    path.write_text(json.dumps(row))
    with pytest.raises(EnvironmentFault, match="another version"):
        read_order(path)


@pytest.mark.parametrize("content", [None, "", "[]", "null", '{"schema"'])
def test_an_order_that_is_missing_or_cut_is_not_understood(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "order.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EnvironmentFault, match="missing"):
        read_order(path)


def test_an_order_of_another_version_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "order.json"
    path.write_text('{"pseudonym": "P001"}')
    order().write(path)
    assert read_order(path) == order()


def test_a_session_is_found_by_its_label() -> None:
    assert order().session("M06").label == "M06"
    with pytest.raises(StopIteration):
        order().session("M12")


def with_file(**changes: str) -> WorkOrder:
    whole = order()
    first = whole.sessions[0]
    one = first.series[0]
    file = replace(one.files[0], **changes)
    changed = replace(one, files=(file, *one.files[1:]))
    return replace(whole, sessions=(replace(first, series=(changed,)), whole.sessions[1]))


def test_places_do_not_change_the_digest_of_a_session() -> None:
    digest = order().content_digest("M00")
    assert replace(order(), source="/elsewhere").content_digest("M00") == digest
    assert with_file(path="renamed").content_digest("M00") == digest


@pytest.mark.parametrize(
    "changes",
    [
        {"pseudonym": "P002"},
        {"uid_key": "ff"},
        {"uid_root": "1.2"},
        {"shift_days": -8},
        {"identifiers": ()},
        {"vocabulary": ()},
    ],
)
def test_what_headers_depend_on_changes_the_digest(changes: dict[str, Any]) -> None:
    changed = replace(order(), **changes)
    assert changed.content_digest("M00") != order().content_digest("M00")


def test_content_changes_the_digest_of_its_session_only() -> None:
    changed = with_file(sha256="ff")
    assert changed.content_digest("M00") != order().content_digest("M00")
    assert changed.content_digest("M06") == order().content_digest("M06")


def test_the_digest_is_the_one_of_the_versions_before() -> None:
    expected = "89cacd955df3bea81cd54917cfa0a119c5021d1342ed23846a900837173a61be"
    assert order().content_digest("M00") == expected


def test_an_order_has_keys_of_its_project_and_level() -> None:
    made = ordered(study_of(**FIRST))
    assert made.uid_key == KEYS.derive("uid").hex()
    assert made.hash_key == KEYS.derive("hash").hex()
    assert (made.pseudonym, made.shift_days) == ("P001", -77)
    assert (made.source, made.vocabulary) == ("/source", ("knee",))


def test_sessions_are_in_the_order_of_their_labels() -> None:
    made = ordered(study_of(**SECOND), study_of(**FIRST))
    assert [session.label for session in made.sessions] == ["M00", "M01"]
    assert made.sessions[0].origin == "2022-05-10T23:50:00"


def test_files_are_in_the_order_of_instances_whatever_their_names() -> None:
    instances = [
        instance(InstanceNumber=10, SOPInstanceUID="1.1"),
        instance(InstanceNumber=2, SOPInstanceUID="1.3"),
        instance(InstanceNumber=2, SOPInstanceUID="1.2"),
    ]
    made = ordered(study(series(*instances)))
    files = made.sessions[0].series[0].files
    assert [file.sha256 for file in files] == ["hash 2", "hash 1", "hash 0"]
    assert ordered(study_of(), with_files=False).sessions[0].series[0].files == ()


def test_series_are_in_the_order_of_their_numbers_and_named_by_them() -> None:
    all_series = [
        series(instance(SeriesNumber=12, SeriesInstanceUID="1.9"), incomplete=True),
        series(instance(SeriesNumber=3, SeriesInstanceUID="1.8")),
        series(instance(SeriesNumber=3, SeriesInstanceUID="1.7")),
    ]
    made = ordered(study(*all_series)).sessions[0].series
    assert [row.name for row in made] == ["003-MR", "003b-MR", "012-MR"]
    assert [row.incomplete for row in made] == [False, False, True]


@pytest.mark.parametrize(
    ("times", "binned"),
    [
        (["10", "15", "20"], True),
        (["10", "11", "20"], False),
        (["", "10", ""], True),
        (["10", "10"], True),
        ([], True),
    ],
)
def test_trigger_times_are_binned_where_phases_stay_apart(times: list[str], binned: bool) -> None:
    instances = [instance(TriggerTime=time) for time in times] or [instance()]
    made = ordered(study(series(*instances))).sessions[0].series[0]
    assert made.bin_trigger_time is binned


@pytest.mark.parametrize(
    ("since", "days"),
    [
        ("", [None, None]),
        ("first-study", [0, 30]),
        ("PatientBirthDate", [21813, 21843]),
        ("SeriesDate", [-860, -830]),
        ("StudyComments", [None, None]),
    ],
)
def test_days_are_counted_from_the_event_of_the_profile(since: str, days: list[int | None]) -> None:
    made = ordered(study_of(**FIRST), study_of(**SECOND), since=since)
    assert [session.days_since for session in made.sessions] == days


def test_days_count_from_where_labels_count_and_from_any_date() -> None:
    made = subject(study_of(**FIRST), study_of(**SECOND))
    identity = Identity("P001", -1, {"1.1": "M00", "1.2": "M01"}, anchor=date(2019, 12, 2))
    dates = {"folder/0.dcm": "20191222101500.5"}
    for since, days in (("first-study", [30, 60]), ("AdmittingDate", [10, 40])):
        options = OrderOptions(since=since, event_dates=dates)
        order = work_order(made, identity, KEYS, "/source", options)
        assert [session.days_since for session in order.sessions] == days


def test_days_since_birth_tell_no_age_over_89() -> None:
    made = ordered(study_of(**FIRST, PatientBirthDate="19290101"), since="PatientBirthDate")
    assert made.sessions[0].days_since is None


def test_days_from_an_event_without_a_date_are_not_known() -> None:
    made = ordered(study_of(**FIRST, PatientBirthDate="19000101"), since="PatientBirthDate")
    assert made.sessions[0].days_since is None


def test_a_person_is_what_the_vault_needs() -> None:
    person = person_of(subject(study_of(**FIRST), study_of(**SECOND)))
    assert person.key == "id||PID-77120"
    assert (person.patient_id, person.name) == ("PID-77120", "Zimmerquast^Adelheid")
    assert person.studies == {"1.1": date(2020, 1, 1), "1.2": date(2020, 1, 31)}
    assert date(1960, 4, 12) in person.dates
    assert person.folders == {"folder"}


def test_names_by_their_parts_and_numbers_identify_and_short_ones_do_not() -> None:
    made = subject(study_of(PatientName="Zimmerquast^Jo", PatientID="77", AccessionNumber="A-991"))
    person = person_of(made)
    assert {"Zimmerquast", "A-991"} <= person.identifying
    assert not {"Jo", "77"} & person.identifying


def test_originals_name_who_it_is_first_and_then_every_identifier() -> None:
    person = person_of(subject(study_of(AccessionNumber="A-991")))
    assert list(person.original)[:5] == [
        "patient_id",
        "issuer",
        "patient_name",
        "birth_date",
        "patient_sex",
    ]
    assert "A-991" in person.original.values()


def test_a_pseudonym_may_not_contain_names_and_dates() -> None:
    person = person_of(subject(study_of()))
    kinds = {kind for kind, _ in person.searched}
    assert "name" in kinds
    assert "birth" in kinds
    assert "id" not in kinds


def test_words_of_a_name_are_sorted_and_bare() -> None:
    person = person_of(subject(study_of(PatientName="Zimmerquast^JOE=Xy,Ab")))
    assert person.name_words == ["ab", "joe", "xy", "zimmerquast"]
