"""A finished release as a BIDS data set: names, sidecars, what has no name, the check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deidflow.bids.check import invalid_paths
from deidflow.bids.export import export_release
from deidflow.errors import ConfigError, UsageError
from tests.commands import command_here
from tests.places import tree_digest


def names_in(root: Path) -> list[str]:
    """The raw images of a data set."""
    found = [str(path.relative_to(root)) for path in root.glob("sub-*/**/*.nii.gz")]
    return sorted(found)


def sidecar(root: Path, name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((root / name).read_text())
    return loaded


def test_images_get_their_names(tmp_path: Path, release: Path) -> None:
    before = tree_digest(release)
    result = export_release(release, tmp_path / "bids")

    session = "sub-P001/ses-M00"
    stem = "sub-P001_ses-M00"
    assert names_in(tmp_path / "bids") == [
        f"{session}/anat/{stem}_FLAIR.nii.gz",
        f"{session}/anat/{stem}_run-1_T1w.nii.gz",
        f"{session}/anat/{stem}_run-2_T1w.nii.gz",
        f"{session}/dwi/{stem}_dwi.nii.gz",
        f"{session}/fmap/{stem}_magnitude1.nii.gz",
        f"{session}/fmap/{stem}_magnitude2.nii.gz",
        f"{session}/fmap/{stem}_phasediff.nii.gz",
        f"{session}/func/{stem}_task-rest_echo-1_bold.nii.gz",
        f"{session}/func/{stem}_task-rest_echo-2_bold.nii.gz",
        "sub-P001/ses-M06/ct/sub-P001_ses-M06_ct.nii.gz",
        "sub-P002/ses-M00/anat/sub-P002_ses-M00_T1w.nii.gz",
    ]
    assert result.checked
    assert result.invalid == ()
    assert tree_digest(release) == before


def test_the_check_finds_a_name_that_is_no_bids(tmp_path: Path, release: Path) -> None:
    export_release(release, tmp_path / "bids")
    wrong = tmp_path / "bids" / "sub-P001" / "ses-M00" / "anat" / "sub-P001_ses-M00_nonsense.nii.gz"
    wrong.touch()

    assert invalid_paths(tmp_path / "bids") == (str(wrong.relative_to(tmp_path / "bids")),)


def test_what_has_no_name_is_in_sourcedata_with_the_line_to_add(
    tmp_path: Path, release: Path
) -> None:
    result = export_release(release, tmp_path / "bids")

    source = tmp_path / "bids" / "sourcedata"
    why = {entry.image.series.name: entry.why for entry in result.unnamed}
    table = (source / "unnamed.tsv").read_text()
    assert why["009-MR"] == "no rule fits"
    assert why["010-MR"].startswith("a localizer")
    assert "TracerName" in why["001-PT"]
    assert "- {modality: 'MR', series: '^strange thing$', name: DATATYPE/SUFFIX}" in table
    assert (source / "sub-P001" / "ses-M00" / "009-MR" / "defaced.nii.gz").exists()


def test_the_line_to_add_names_the_image(tmp_path: Path, release: Path) -> None:
    line = "- {modality: 'MR', series: '^strange thing$', name: DATATYPE/SUFFIX}"
    (tmp_path / "names.yaml").write_text(line.replace("DATATYPE/SUFFIX", "anat/T2w"))
    export_release(release, tmp_path / "bids", table=tmp_path / "names.yaml")

    assert "sub-P001/ses-M00/anat/sub-P001_ses-M00_T2w.nii.gz" in names_in(tmp_path / "bids")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {series: x, name: anat/T9w}", "line 1.*'name'"),
        ("- {series: '(', name: anat/T1w}", "regular expression"),
        ("- {serie: x, name: anat/T1w}", "'serie'"),
        ("- {series: x, name: func/bold, entities: {task: a-b}}", "letters and digits"),
        ("- {series: x, name: anat/T1w, entities: {dir: AP}}", "no entity 'dir'"),
        ("- {series: x, name: pet/pet, sidecar: {FrameDuration: 5}}", "FrameDuration"),
        ("series: x", "list of rules"),
        ("- x", "not a rule"),
    ],
)
def test_a_bad_table_of_names_is_refused(
    tmp_path: Path, release: Path, text: str, message: str
) -> None:
    (tmp_path / "names.yaml").write_text(text)

    with pytest.raises(ConfigError, match=message):
        export_release(release, tmp_path / "bids", table=tmp_path / "names.yaml")
    assert not (tmp_path / "bids").exists()


def test_sidecars_say_task_and_field_map(tmp_path: Path, release: Path) -> None:
    export_release(release, tmp_path / "bids")

    session = tmp_path / "bids" / "sub-P001" / "ses-M00"
    bold = sidecar(session, "func/sub-P001_ses-M00_task-rest_echo-1_bold.json")
    phase = sidecar(session, "fmap/sub-P001_ses-M00_phasediff.json")
    assert bold["TaskName"] == "rest"
    assert bold["DeidentificationMethod"] == ["deidflow, profile high"]
    assert bold["B0FieldSource"] == phase["B0FieldIdentifier"]
    assert "bids::sub-P001/ses-M00/dwi/sub-P001_ses-M00_dwi.nii.gz" in str(phase["IntendedFor"])
    assert (session / "dwi" / "sub-P001_ses-M00_dwi.bvec").exists()


def test_a_lonely_magnitude_is_no_field_map(tmp_path: Path, release: Path) -> None:
    for path in (release / "P001/M00/007-MR").glob("*.*"):
        path.unlink()
    result = export_release(release, tmp_path / "bids")

    assert not any("fmap" in name for name in names_in(tmp_path / "bids"))
    assert sum("is alone" in entry.why for entry in result.unnamed) == 2


def test_masks_are_derivatives(tmp_path: Path, release: Path) -> None:
    export_release(release, tmp_path / "bids")

    root = tmp_path / "bids" / "derivatives" / "deidflow"
    masks = [path.name for path in root.rglob("*_mask.nii.gz")]
    description = sidecar(root, "dataset_description.json")
    assert "sub-P001_ses-M00_desc-FLAIRdeface_mask.nii.gz" in masks
    assert description["DatasetType"] == "derivative"


def test_the_top_says_what_it_is_and_who_is_in_it(tmp_path: Path, release: Path) -> None:
    table = "subject,age,sex\nP001,60,F\n"
    (tmp_path / "demographics.csv").write_text(table)
    export_release(release, tmp_path / "bids", participants=tmp_path / "demographics.csv")

    root = tmp_path / "bids"
    rows = (root / "participants.tsv").read_text().splitlines()
    scans = (root / "sub-P001/ses-M00/sub-P001_ses-M00_scans.tsv").read_text().splitlines()
    assert rows == ["participant_id\tage\tsex", "sub-P001\t60\tF", "sub-P002\tn/a\tn/a"]
    assert scans[0] == "filename"
    assert len(scans) == 10
    assert sidecar(root, "dataset_description.json")["GeneratedBy"][0]["Name"] == "deidflow"  # type: ignore[index]


def test_dicom_lies_in_sourcedata_unless_left_out(tmp_path: Path, release: Path) -> None:
    export_release(release, tmp_path / "with")
    export_release(release, tmp_path / "without", with_dicom=False)

    place = "sourcedata/sub-P001/ses-M00/002-MR/defaced_dicom/slice_001.dcm"
    assert (tmp_path / "with" / place).exists()
    assert not (tmp_path / "without" / place).exists()


def test_two_exports_are_equal(tmp_path: Path, release: Path) -> None:
    export_release(release, tmp_path / "one")
    export_release(release, tmp_path / "two")

    assert tree_digest(tmp_path / "one") == tree_digest(tmp_path / "two")


def test_what_is_no_release_and_a_filled_output_are_refused(tmp_path: Path, release: Path) -> None:
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "file").touch()

    with pytest.raises(UsageError, match="no finished release"):
        export_release(tmp_path / "filled", tmp_path / "bids")
    with pytest.raises(UsageError, match="not an empty folder"):
        export_release(release, tmp_path / "filled")
    with pytest.raises(UsageError, match="inside the release"):
        export_release(release, release / "bids")


def test_the_command_plans_and_writes(tmp_path: Path, release: Path) -> None:
    planned = command_here("bids", release, "--plan")
    written = command_here("bids", release, tmp_path / "bids", "--no-dicom")

    assert "anat/sub-P001_ses-M00_FLAIR.nii.gz" in planned.stdout
    assert written.returncode == 0
    assert "11 images named" in written.stdout
    assert "to name more: - {modality: 'MR', series: '^strange thing$'" in written.stdout
