"""Which object becomes what, by its header alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deidflow.dicom.policy import is_projection, judge
from deidflow.verdicts import Reason, Verdict
from tests.headers import inventory
from tests.synthetic import mr_instance, save

HEAD_CT = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"}


def decide(tmp_path: Path, defacing: bool, **changes: Any) -> tuple[Verdict, Reason] | None:
    save(mr_instance(**changes), tmp_path / "x.dcm")
    instance = inventory(tmp_path)[0].instance
    assert instance is not None
    return judge(instance, defacing=defacing)


@pytest.mark.parametrize("defacing", [False, True])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, Reason.MAY_CARRY_TEXT),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, Reason.MAY_CARRY_TEXT),
        ({"SOPClassUID": "1.2.3.4"}, Reason.CLASS_UNKNOWN),
        ({"BurnedInAnnotation": "YES"}, Reason.BURNED_IN),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, Reason.SECONDARY),
        ({"ImageType": ["DERIVED", "PRIMARY", "SCREEN SAVE"]}, Reason.SECONDARY),
        ({"ConversionType": "WSD"}, Reason.SECONDARY),
        (
            HEAD_CT | {"ImagePositionPatient": None, "ImageOrientationPatient": None},
            Reason.NO_GEOMETRY,
        ),
    ],
)
def test_quarantined_at_any_level(
    tmp_path: Path, defacing: bool, changes: dict[str, Any], reason: Reason
) -> None:
    assert decide(tmp_path, defacing, **changes) == (Verdict.QUARANTINED, reason)


@pytest.mark.parametrize(
    "class_uid", ["1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.481.3"]
)
def test_reports_and_structures_are_excluded(tmp_path: Path, class_uid: str) -> None:
    assert decide(tmp_path, False, SOPClassUID=class_uid) == (
        Verdict.EXCLUDED,
        Reason.CLASS_EXCLUDED,
    )


def test_ct_with_a_place_in_the_patient_goes_on_to_the_face_step(tmp_path: Path) -> None:
    assert decide(tmp_path, False, **HEAD_CT) is None
    assert decide(tmp_path, True, **HEAD_CT) is None


def test_an_image_without_geometry_cannot_be_defaced(tmp_path: Path) -> None:
    changes = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    assert decide(tmp_path, False, **changes) is None
    assert decide(tmp_path, True, **changes) == (Verdict.QUARANTINED, Reason.NO_GEOMETRY)


def test_palette_colour_cannot_be_defaced(tmp_path: Path) -> None:
    assert decide(tmp_path, True, PhotometricInterpretation="PALETTE COLOR") == (
        Verdict.QUARANTINED,
        Reason.PALETTE,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"ImageType": ["DERIVED", "SECONDARY", "VOLUME RENDERING"]},
        {"ImageType": ["DERIVED", "PRIMARY", "MAX_IP"]},
        {"VolumeBasedCalculationTechnique": "SURFACE_RENDER"},
        {"VolumeBasedCalculationTechnique": "MAX_IP"},
    ],
)
def test_a_projection_or_rendering_is_known_by_any_of_its_names(changes: dict[str, Any]) -> None:
    assert is_projection(mr_instance(**changes))


def test_a_plain_or_reformatted_slice_is_no_projection() -> None:
    assert not is_projection(mr_instance())
    assert not is_projection(
        mr_instance(ImageType=["DERIVED", "PRIMARY", "MPR"], VolumeBasedCalculationTechnique="NONE")
    )
