"""Persons under one PatientID, conflicts in a cohort, exceptions of the policy, and stacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from deidflow.dicom.demographics import Demographics, Known, nobody
from deidflow.dicom.geometry import Plane
from deidflow.dicom.grouping import Cohort, group
from deidflow.dicom.instance import Instance, frame_count, no_facts
from deidflow.dicom.inventory import Entry, failed
from deidflow.dicom.patients import is_usable, patients_of, top_folder
from deidflow.dicom.persons import Member, persons_of
from deidflow.dicom.policy import class_uids, deciding, judge, names_projection
from deidflow.dicom.stack import Slice, volume_of
from deidflow.errors import ConfigError
from deidflow.verdicts import Reason, Verdict

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def instance(**changes: object) -> Instance:
    """An MR image of a plane, with as many facts as grouping needs."""
    rest = ("1.2.840.10008.1.2.1", 128, False, True, ())
    plain = Instance._make((*no_facts(), *rest))
    image = plain._replace(
        sop_class=MR,
        sop_uid="1.1.1.1",
        study_uid="1.1",
        series_uid="1.1.1",
        modality="MR",
        patient_id="PID-1",
        patient_name="DOE^JANE",
        orientation="1\\0\\0\\0\\1\\0",
        spacing="1\\1",
    )
    return image._replace(**changes)  # type: ignore[arg-type]


def member(path: str, **changes: object) -> Member:
    return Member(path, "hash", instance(sop_uid=path, **changes))


def entry(path: str, digest: str = "hash", **changes: object) -> Entry:
    return Entry(path, digest, None, None, instance(**{"sop_uid": path, **changes}))


def verdicts(entries: Sequence[Entry]) -> dict[str, tuple[Verdict, Reason]]:
    return group(entries, defacing=False).verdicts


def keys(members: Sequence[Member], known: Known = nobody) -> list[tuple[str, list[str], bool]]:
    persons = persons_of("id||PID-1", members, known)
    return [
        (person.key, [m.path for m in person.members], person.is_stranger) for person in persons
    ]


PAUL = {"patient_name": "ROE^PAUL", "birth_date": "19800101", "study_uid": "2.1"}
JANE = {"birth_date": "19500101"}


# persons


def test_one_person_has_the_key() -> None:
    assert keys([member("a"), member("b")]) == [("id||PID-1", ["a", "b"], False)]


def test_the_person_with_fewer_instances_is_a_stranger() -> None:
    members = [member("a", **JANE), member("b", **JANE), member("c", **PAUL)]

    assert keys(members) == [
        ("id||PID-1", ["a", "b"], False),
        ("id||PID-1|stranger 1", ["c"], True),
    ]


def test_copies_of_an_instance_count_once() -> None:
    copies = [Member(f"p{number}", "h", instance(sop_uid="1", **PAUL)) for number in range(5)]
    members = [*copies, member("a", **JANE), member("b", **JANE)]

    assert keys(members)[0][1] == ["a", "b"]


def test_an_issuer_of_ones_own_makes_a_patient_of_ones_own() -> None:
    jane = [member(path, issuer="A", **JANE) for path in ("a", "b")]
    paul = member("c", issuer="B", **PAUL)

    assert keys([*jane, paul]) == [
        ("id||PID-1", ["a", "b"], False),
        ("id|B|PID-1", ["c"], False),
    ]


def test_unless_the_vault_knows_another_person_by_this_issuer() -> None:
    jane = [member(path, issuer="A", **JANE) for path in ("a", "b")]
    paul = member("c", issuer="B", **PAUL)
    known = {
        "id||PID-1": Demographics("PID-1", "", "DOE^JANE", "19500101", ""),
        "id|B|PID-1": Demographics("PID-1", "B", "POE^ANN", "19700203", "F"),
    }

    assert keys([*jane, paul], known.get)[1] == ("id||PID-1|stranger 1", ["c"], True)


def test_a_nameless_part_joins_the_one_with_the_same_study() -> None:
    jane = [member(path, **JANE) for path in ("a", "b", "c")]
    paul = [member(path, **PAUL) for path in ("d", "e")]
    nameless = member("f", patient_name="", study_uid="2.1")
    persons = keys([*jane, *paul, nameless])

    assert persons[1][1] == ["d", "e", "f"]


# patients


@pytest.mark.parametrize(
    ("text", "usable"), [("PID-1", True), ("7", True), ("***", False), ("", False)]
)
def test_an_id_needs_a_letter_or_digit(text: str, usable: bool) -> None:
    assert is_usable(text) is usable


@pytest.mark.parametrize(("path", "folder"), [("a/b/c.dcm", "a"), ("c.dcm", "")])
def test_the_folder_at_the_top(path: str, folder: str) -> None:
    assert top_folder(member(path)) == folder


def test_studies_without_an_id_chain_folders_together() -> None:
    members = [
        member("c/1", patient_id="", study_uid="1"),
        member("b/1", patient_id="", study_uid="1"),
        member("b/2", patient_id="", study_uid="2"),
        member("a/1", patient_id="", study_uid="2"),
        member("d/1", patient_id="", study_uid="3"),
    ]
    owners = patients_of(members).owners

    assert len({owners[path] for path in ("c/1", "b/1", "b/2", "a/1")}) == 1
    assert owners["d/1"] != owners["a/1"]


def test_each_study_may_be_a_patient() -> None:
    patients = patients_of([member("a"), member("b", study_uid="2")], "one_per_study")

    assert patients.owners == {"a": "study|1.1", "b": "study|2"}


def test_a_file_beside_the_folders_is_known_by_its_id() -> None:
    patients = patients_of([member("x/a"), member("b")], "per_top_folder")

    assert patients.owners == {"x/a": "top|x", "b": "id||PID-1"}


# cohorts


def test_files_without_an_instance_keep_their_verdicts() -> None:
    broken = failed("x", Reason.UNREADABLE)

    assert verdicts([broken, entry("a")]) == {"x": (Verdict.FAILED, Reason.UNREADABLE)}


def test_the_first_of_equal_copies_stays() -> None:
    copies = [entry(path, sop_uid="1") for path in ("c", "a", "b")]

    assert verdicts(copies) == {
        "b": (Verdict.DUPLICATE, Reason.COPY),
        "c": (Verdict.DUPLICATE, Reason.COPY),
    }


def test_none_of_different_versions_stays() -> None:
    versions = [entry("a", "1", sop_uid="1"), entry("b", "2", sop_uid="1"), entry("c")]

    assert set(verdicts(versions)) == {"a", "b"}


def test_a_tie_over_a_study_keeps_nobody() -> None:
    entries = [entry("a"), entry("b", patient_id="PID-2")]
    cohort = group(entries, defacing=False)

    assert set(cohort.verdicts.values()) == {(Verdict.QUARANTINED, Reason.MIXED_PATIENTS)}
    assert cohort.subjects == ()
    assert cohort.study_uids == {"1.1"}


def test_a_subject_has_its_identifiers_and_folders() -> None:
    first = entry("x/a", identifiers=(("name", "DOE^JANE"), ("id", "PID-1")))
    second = entry("y/b", identifiers=(("id", "PID-1"), ("staff", "POE^ANN")))
    cohort: Cohort = group([first, second], defacing=False)

    assert cohort.subjects[0].folders == {"x", "y"}
    assert cohort.subjects[0].identifiers == (
        ("id", "PID-1"),
        ("name", "DOE^JANE"),
        ("staff", "POE^ANN"),
    )


def test_an_excluded_instance_does_not_make_a_series_incomplete() -> None:
    report = entry("b", sop_class="1.2.840.10008.5.1.4.1.1.88.22")
    burned = entry("c", burned_in="YES")
    complete = group([entry("a"), report], defacing=False).subjects[0].studies[0].series[0]
    incomplete = group([entry("a"), burned], defacing=False).subjects[0].studies[0].series[0]

    assert not complete.incomplete
    assert incomplete.incomplete


# policy


def test_a_class_that_is_let_through_is_only_asked_for_burned_in_text() -> None:
    capture = instance(sop_class="1.2.840.10008.5.1.4.1.1.7", image_type="DERIVED\\SECONDARY")
    classes = class_uids(["SecondaryCaptureImageStorage"])

    assert judge(capture, defacing=True, classes=classes) is None
    assert judge(capture._replace(burned_in="YES"), defacing=True, classes=classes) == (
        Verdict.QUARANTINED,
        Reason.BURNED_IN,
    )


def test_a_contour_of_the_body_is_let_through_only_with_faces() -> None:
    structure_set = "1.2.840.10008.5.1.4.1.1.481.3"
    contour = instance(sop_class=structure_set)
    classes = class_uids([structure_set])

    assert judge(contour, defacing=False, classes=classes) is None
    assert judge(contour, defacing=True, classes=classes) == (
        Verdict.EXCLUDED,
        Reason.CLASS_EXCLUDED,
    )


def test_a_misspelled_class_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'MRImageStorage'"):
        class_uids(["MRImageStorrage"])
    with pytest.raises(ConfigError, match=r"no SOP class 'q'$"):
        class_uids(["q"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pixel_length": None}, Reason.NO_PIXELS),
        ({"image_type": "ORIGINAL\\PRIMARY\\ MIP "}, Reason.PROJECTION),
        ({"spacing": ""}, Reason.NO_GEOMETRY),
        ({"spacing": "", "sop_class": ENHANCED_MR}, None),
        ({"burned_in": "no"}, None),
    ],
)
def test_why_an_image_may_not_be_defaced(changes: dict[str, object], reason: Reason | None) -> None:
    decision = judge(instance(**changes), defacing=True)

    assert decision == ((Verdict.QUARANTINED, reason) if reason else None)


def test_whatever_changes_a_verdict_is_in_what_decides() -> None:
    plain = instance()
    for changes in (
        {"sop_class": "1"},
        {"burned_in": "YES"},
        {"image_type": "MIP"},
        {"conversion_type": "WSD"},
        {"modality": "CT"},
        {"photometric": "PALETTE COLOR"},
        {"pixel_length": None},
        {"spacing": ""},
    ):
        assert deciding(plain._replace(**changes)) != deciding(plain)
    assert deciding(plain._replace(sop_uid="2")) == deciding(plain)


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["mip"], True), (["MY_RENDERING"], True), (["M", "IP"], False), ([], False)],
)
def test_words_for_a_projection(words: list[str], expected: bool) -> None:
    assert names_projection(words) is expected


# instances and stacks


@pytest.mark.parametrize(
    ("text", "count"),
    [("12", 12), ("", 1), ("0", 1), ("-3", 1), ("x", 1), ("²", 1), ("0001", 1)],
)
def test_the_number_of_frames(text: str, count: int) -> None:
    assert frame_count(text) == count


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"pixel_length": 128}, True),
        ({"pixel_length": 126}, False),
        ({"pixel_length": 64, "bits_allocated": 8}, True),
        ({"pixel_length": 384, "samples": 3}, True),
        ({"pixel_length": 256, "samples": 3, "photometric": "YBR_FULL_422"}, True),
        ({"pixel_length": 8, "bits_allocated": 1}, True),
        ({"pixel_length": 10, "rows": 3, "columns": 3, "bits_allocated": 8}, True),
        ({"pixel_length": 1, "encapsulated": True}, True),
        ({"pixel_length": None}, True),
    ],
)
def test_the_length_of_native_pixels(changes: dict[str, object], fits: bool) -> None:
    plain = instance(rows=8, columns=8, bits_allocated=16)

    assert plain._replace(**changes).pixels_fit is fits


def plane(height: float, aside: float = 0.0) -> Plane:
    axes = np.eye(3)
    return Plane(
        frame=0,
        top=0,
        left=0,
        rows=4,
        columns=5,
        origin=np.array([aside, 0.0, height]),
        row_direction=axes[0],
        column_direction=axes[1],
        row_spacing=2.0,
        column_spacing=3.0,
    )


def slice_of(height: float, aside: float = 0.0) -> Slice:
    return Slice(plane(height, aside), np.full((4, 5), height, np.float32))


def test_a_single_slice_is_as_thick_as_its_pixels_are_wide() -> None:
    volume = volume_of([slice_of(7.0)])

    assert volume.regular
    assert volume.affine.tolist() == [[3, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 7]]


def test_slices_are_in_the_order_of_their_height() -> None:
    volume = volume_of([slice_of(height) for height in (4.0, 0.0, 2.0)])

    assert volume.values[:, 0, 0].tolist() == [0, 2, 4]
    assert volume.affine[2].tolist() == [0, 0, 2, 0]


def test_between_uneven_slices_lie_means() -> None:
    volume = volume_of([slice_of(height) for height in (0.0, 1.0, 4.0)])

    assert not volume.regular
    assert volume.slices == 3
    assert np.allclose(np.diff(volume.values[:, 0, 0]), volume.affine[2, 2])


def test_a_shifted_slice_widens_the_grid_by_whole_pixels() -> None:
    volume = volume_of([slice_of(0.0), slice_of(2.0, aside=-4.0), slice_of(4.0)])

    assert volume.values.shape[1:] == (4, 7)
    assert volume.affine[0, 3] == -6
